import LayerConverter
import Testing
import Wire

@Suite struct DHCPClientTests {
    @Test func `discover, offer, request, ack`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer)
        talk.hear(.ack)
        talk.probed(isFree: true)
        #expect(
            talk.notes == [
                "DISCOVER -->", "<-- OFFER", "REQUEST 192.168.30.10 -->", "<-- ACK", "probe 192.168.30.10",
                "bound 192.168.30.10/24",
            ])
        let deadline = talk.client.deadline
        #expect(deadline == .at(1800))  // T1
    }

    @Test func `a former address is asked for at once`() {
        let talk = Conversation(wish: leased, isFormer: true)
        talk.start()
        let request = talk.last
        talk.hear(.ack)
        talk.probed(isFree: true)
        #expect(
            talk.notes == [
                "REQUEST 192.168.30.10 -->", "<-- ACK", "probe 192.168.30.10", "bound 192.168.30.10/24",
            ])
        #expect(request?.options[.serverIdentifier] == nil)
    }

    @Test func `a former address that is refused is forgotten, and any is taken`() {
        let talk = Conversation(wish: elsewhere, isFormer: true)
        talk.start()
        talk.hear(.nak)
        talk.hear(.offer)
        talk.run(until: 0.3)
        talk.hear(.ack)
        talk.probed(isFree: true)
        #expect(
            talk.notes == [
                "REQUEST 192.168.30.99 -->", "<-- NAK", "DISCOVER 192.168.30.99 -->", "<-- OFFER",
                "REQUEST 192.168.30.10 -->", "<-- ACK", "probe 192.168.30.10", "bound 192.168.30.10/24",
            ])
    }

    @Test func `a server that does not know the former address is silent; then others are asked`() {
        let talk = Conversation(wish: leased, isFormer: true)
        talk.start()
        talk.run(until: 4)
        #expect(
            talk.notes == [
                "REQUEST 192.168.30.10 -->", "REQUEST 192.168.30.10 -->", "DISCOVER 192.168.30.10 -->",
            ])
    }

    @Test func `the server that honours the wish is taken, though it is the second`() {
        let talk = Conversation(wish: elsewhere)
        talk.start()
        talk.hear(.offer, leased, from: serverA)
        talk.run(until: 0.1)
        talk.hear(.offer, elsewhere, from: serverB)
        let server = talk.last?.options.address(.serverIdentifier)
        #expect(server == serverB)
        #expect(talk.notes.last == "REQUEST 192.168.30.99 -->")
    }

    @Test func `without a wish the first offer is taken`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer, leased, from: serverB)
        talk.hear(.offer, elsewhere, from: serverA)
        #expect(talk.notes == ["DISCOVER -->", "<-- OFFER", "REQUEST 192.168.30.10 -->", "<-- OFFER"])
    }

    @Test func `an answer of the server that was not chosen is ignored`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer, from: serverA)
        talk.hear(.nak, from: serverB)
        talk.hear(.ack, from: serverB)
        talk.hear(.ack, elsewhere, from: serverA)
        #expect(talk.notes.last == "<-- ACK")
        talk.hear(.ack, from: serverA)
        #expect(talk.notes.last == "probe 192.168.30.10")
    }

    @Test func `nobody answers`() {
        let talk = Conversation()
        talk.start()
        talk.run(until: 9.9)
        #expect(talk.notes == ["DISCOVER -->", "DISCOVER -->", "DISCOVER -->", "DISCOVER -->"])
        talk.run(until: 10)
        let why = "no DHCP server in the hub gave an address: none answers, or none is left"
        #expect(talk.notes.last == "refused: \(why)")
        let deadline = talk.client.deadline
        #expect(deadline == nil)
    }

    @Test func `an offer that is never confirmed`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer)
        talk.run(until: 60)
        #expect(talk.notes.filter { $0.hasPrefix("REQUEST") }.count == 3)
        #expect(
            talk.notes.last
                == "refused: the DHCP server 192.168.30.1 offered an address but did not confirm it")
    }

    @Test func `a refusal is followed by a new beginning, and reported in the server's words`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer)
        talk.hear(.nak) { $0.options.set(.message, "address not available") }
        talk.run(until: 0.6)
        #expect(
            talk.notes == [
                "DISCOVER -->", "<-- OFFER", "REQUEST 192.168.30.10 -->", "<-- NAK", "DISCOVER -->",
            ])
        talk.run(until: 60)
        #expect(talk.notes.last == "refused: the DHCP server refused: address not available")
    }

    @Test func `an address in use is declined, and another one taken`() {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer)
        talk.hear(.ack)
        talk.probed(isFree: false)
        let decline = talk.last
        talk.run(until: 0.6)
        talk.hear(.offer)  // the same again: not acceptable
        talk.hear(.offer, elsewhere)
        talk.hear(.ack, elsewhere)
        talk.probed(isFree: true)
        #expect(
            talk.notes.dropFirst(4) == [
                "probe 192.168.30.10", "DECLINE 192.168.30.10 -->", "DISCOVER -->", "<-- OFFER", "<-- OFFER",
                "REQUEST 192.168.30.99 -->", "<-- ACK", "probe 192.168.30.99", "bound 192.168.30.99/24",
            ])
        #expect(decline?.options.address(.serverIdentifier) == serverA)
        #expect(decline?.ciaddr == .any)
        #expect(decline?.options[.parameterRequestList] == nil)
    }

    @Test func `three addresses in use are enough`() {
        let talk = Conversation()
        talk.start()
        for last in 10...12 as ClosedRange<UInt32> {
            let address = IPv4Address(serverA.bits - 1 + last)
            talk.hear(.offer, address)
            talk.hear(.ack, address)
            talk.probed(isFree: false)
            talk.run(until: talk.now.seconds + 0.6)
        }
        #expect(
            talk.notes.last == "refused: the DHCP server has no free address: those it offered are in use")
    }

    @Test func `the transaction ends with the release`() {
        let talk = bound()
        talk.release()
        #expect(talk.notes.last == "RELEASE --> 192.168.30.1")
        #expect(talk.last?.ciaddr == leased)
        #expect(talk.last?.options.address(.serverIdentifier) == serverA)
        #expect(talk.last?.options[.requestedAddress] == nil)
        let deadline = talk.client.deadline
        #expect(deadline == nil)
    }

    @Test func `who has no address gives none back`() {
        let talk = Conversation()
        talk.start()
        talk.release()
        #expect(talk.notes == ["DISCOVER -->"])
        talk.run(until: 60)
        #expect(talk.notes == ["DISCOVER -->"])
    }

    @Test func `identity and wishes of each message`() throws {
        let talk = Conversation()
        talk.start()
        let discover = try #require(talk.last)
        #expect(discover.chaddr == clientMAC)
        #expect(discover.options[.clientIdentifier] == [1, 0x5e, 0, 0, 0, 0, 1])
        #expect(discover.options.text(.hostName) == "anna-s-laptop")
        #expect(discover.options.text(.vendorClass) == "polyhub")
        let list = try #require(discover.options[.parameterRequestList])
        for code in [1, 3, 6, 15, 26, 44, 51, 58, 59, 121] as [UInt8] { #expect(list.contains(code)) }
        #expect(!list.contains(42))
        talk.run(until: 3.5)
        #expect(talk.last?.xid == discover.xid)
        #expect(talk.last?.secs == 3)
    }

    /// An acknowledged lease of an hour, obtained at 0 s.
    private func bound() -> Conversation {
        let talk = Conversation()
        talk.start()
        talk.hear(.offer)
        talk.hear(.ack)
        talk.probed(isFree: true)
        talk.notes = []
        return talk
    }

    @Test func `the lease is renewed at T1 by its server`() {
        let talk = bound()
        talk.run(until: 1799)
        #expect(talk.notes == [])
        talk.run(until: 1801)
        #expect(talk.notes == ["REQUEST --> 192.168.30.1"])
        #expect(talk.last?.ciaddr == leased)
        #expect(talk.last?.options[.serverIdentifier] == nil)
        talk.hear(.ack, from: serverB)  // only its own server may renew it
        #expect(talk.notes.last == "<-- ACK")
        talk.hear(.ack)
        #expect(talk.notes.last == "renewed 192.168.30.10/24")
        // The lease counts from the moment of the request.
        #expect(talk.lease?.obtainedAt == .at(1800))
        let deadline = talk.client.deadline
        #expect(deadline == .at(3600))
    }

    @Test func `another server rebinds it after T2`() {
        let talk = bound()
        talk.run(until: 3149)
        #expect(talk.notes.allSatisfy { $0 == "REQUEST --> 192.168.30.1" })
        #expect(talk.notes.count == 6)  // at 1800 s, then after 675, 337, 169, 84 and 60 s
        talk.run(until: 3151)
        #expect(talk.notes.last == "REQUEST -->")
        talk.hear(.ack, from: serverB)
        #expect(talk.notes.last == "renewed 192.168.30.10/24")
        #expect(talk.lease?.server == serverB)
    }

    @Test func `a lease that nobody renews ends the session`() {
        let talk = bound()
        talk.run(until: 3599)
        #expect(!talk.notes.contains { $0.hasPrefix("lost") })
        talk.run(until: 3600)
        #expect(talk.notes.last == "lost: the address lease ended and no DHCP server renewed it")
    }

    @Test func `a lease that is taken back ends the session`() {
        let talk = bound()
        talk.run(until: 1801)
        talk.hear(.nak)
        #expect(talk.notes.last == "lost: the DHCP server took the address back")
    }

    @Test func `another address is no renewal`() {
        let talk = bound()
        talk.run(until: 1801)
        talk.hear(.ack, elsewhere)
        #expect(talk.notes.last == "<-- ACK")
    }

    @Test func `messages that are not for us are ignored`() {
        let changes: [(inout DHCPMessage) -> Void] = [
            { $0.xid ^= 1 }, { $0.chaddr = MACAddress(0x5e00_0000_0002) }, { $0.op = .bootRequest },
        ]
        for change in changes {
            let talk = Conversation()
            talk.start()
            talk.hear(.offer, changing: change)
            #expect(talk.notes == ["DISCOVER -->", "<-- OFFER"])
        }
    }

    @Test func `offers that no host could use are ignored`() {
        let changes: [(inout DHCPMessage) -> Void] = [
            { $0.yiaddr = .any }, { $0.yiaddr = .broadcast }, { $0.yiaddr = IPv4Address("127.0.0.1")! },
            { $0.yiaddr = IPv4Address("224.0.0.1")! }, { $0.yiaddr = IPv4Address("192.168.30.0")! },
            { $0.yiaddr = IPv4Address("192.168.30.255")! }, { $0.options[.serverIdentifier] = nil },
            { $0.options[.serverIdentifier] = [1, 2, 3] }, { $0.options.set(.serverIdentifier, .any) },
            { $0.options.set(.subnetMask, IPv4Address("255.0.255.0")!) },
            { $0.options.set(.subnetMask, .any) },
            { $0.options[.subnetMask] = [255] },
        ]
        for change in changes {
            let talk = Conversation()
            talk.start()
            talk.hear(.offer, changing: change)
            #expect(talk.notes == ["DISCOVER -->", "<-- OFFER"])
        }
    }

    @Test func `a long random stream of messages never traps`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let talk = Conversation(
                wish: Bool.random(using: &random) ? leased : nil, isFormer: .random(using: &random))
            talk.start()
            for _ in 0..<40 {
                let type = DHCPMessage.MessageType(rawValue: .random(in: 1...8, using: &random))
                let address = [leased, elsewhere].randomElement(using: &random)!
                let server = [serverA, serverB].randomElement(using: &random)!
                talk.hear(type, address, from: server)
                talk.probed(isFree: .random(using: &random))
                talk.run(until: talk.now.seconds + .random(in: 0...1000, using: &random))
            }
            talk.release()
            let deadline = talk.client.deadline
            #expect(deadline == nil)
        }
    }
}
