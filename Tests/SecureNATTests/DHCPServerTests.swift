import Testing
import Wire

@testable import SecureNAT

@Suite struct DHCPServerTests {
    typealias Output = DHCPServer.Output

    static let network = IPv4Subnet("192.168.30.1/24")!
    static let start = Moment(instant: Instant(nanoseconds: 1_000_000_000_000), wallClock: 1_700_000_000)
    static let server = IPv4Address("192.168.30.1")!

    static func moment(after seconds: Int) -> Moment {
        Moment(
            instant: start.instant.advanced(by: .seconds(seconds)),
            wallClock: start.wallClock + Int64(seconds))
    }

    static func address(_ host: UInt32) -> IPv4Address { IPv4Address(network.network.bits + host) }

    static func mac(_ number: UInt64) -> MACAddress { MACAddress(0x0200_0000_0000 | number) }

    static func settings(pool: ClosedRange<UInt32> = 10...200) -> DHCPSettings {
        var settings = try! DHCPSettings(
            network: network, pool: AddressRange(address(pool.lowerBound), address(pool.upperBound)))
        settings.nameServers = [server]
        settings.domainName = "hub.example"
        return settings
    }

    /// A server with a client's view of it.
    struct Exchange {
        var server: DHCPServer
        var now = DHCPServerTests.start

        init(pool: ClosedRange<UInt32> = 10...200, restoring records: [LeaseRecord] = []) {
            server = DHCPServer(
                DHCPServerTests.settings(pool: pool), restoring: records, at: DHCPServerTests.start)
        }

        mutating func send(
            _ type: DHCPMessage.MessageType, from client: UInt64, broadcast: Bool = true,
            _ change: (inout DHCPMessage) -> Void = { _ in }
        ) -> [String] {
            var message = DHCPMessage(
                .bootRequest, type, xid: 0x1234, chaddr: DHCPServerTests.mac(client))
            change(&message)
            server.receive(message, wasBroadcast: broadcast, at: now)
            return drain().map(narrate)
        }

        mutating func drain() -> [Output] {
            var outputs: [Output] = []
            while let output = server.nextOutput() { outputs.append(output) }
            return outputs
        }

        func narrate(_ output: Output) -> String {
            switch output {
            case .leaseChanged(let record):
                let seconds = record.expiresAt - now.wallClock
                return "\(record.state) .\(record.address.bits & 255) for \(seconds) s"
            case .send(let message, let destination):
                let name: String =
                    switch message.type {
                    case .offer: "OFFER"
                    case .ack: "ACK"
                    case .nak: "NAK"
                    default: "?"
                    }
                let to: String =
                    switch destination {
                    case .broadcast: "all"
                    case .host(let address, _): ".\(address.bits & 255)"
                    }
                return "\(name) .\(message.yiaddr.bits & 255) to \(to)"
            }
        }

        /// DISCOVER and REQUEST; the address that was lent.
        mutating func lease(to client: UInt64) -> IPv4Address? {
            var discover = DHCPMessage(
                .bootRequest, .discover, xid: 7, chaddr: DHCPServerTests.mac(client))
            discover.isBroadcast = true
            server.receive(discover, wasBroadcast: true, at: now)
            guard case .send(let offer, _)? = drain().last, offer.type == .offer else { return nil }
            var request = DHCPMessage(
                .bootRequest, .request, xid: 7, chaddr: DHCPServerTests.mac(client))
            request.options.set(.serverIdentifier, DHCPServerTests.server)
            request.options.set(.requestedAddress, offer.yiaddr)
            server.receive(request, wasBroadcast: true, at: now)
            guard case .send(let ack, _)? = drain().last, ack.type == .ack else { return nil }
            return ack.yiaddr
        }

        mutating func pass(_ seconds: Int) {
            now = Moment(
                instant: now.instant.advanced(by: .seconds(seconds)),
                wallClock: now.wallClock + Int64(seconds))
        }
    }

    static func selecting(_ host: UInt32, server: IPv4Address = server) -> (inout DHCPMessage) -> Void {
        {
            $0.options.set(.serverIdentifier, server)
            $0.options.set(.requestedAddress, address(host))
        }
    }

    // MARK: the four ways of DHCPREQUEST

    @Test func `a new client is offered the first address and gets it after it is recorded`() {
        var exchange = Exchange()
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
        #expect(
            exchange.send(.request, from: 1, Self.selecting(10)) == [
                "bound .10 for 7200 s", "ACK .10 to .10",
            ])
    }

    @Test func `a client that cannot take unicast is answered by broadcast`() {
        var exchange = Exchange()
        #expect(exchange.send(.discover, from: 1) { $0.isBroadcast = true } == ["OFFER .10 to all"])
    }

    @Test func `an offer tells all that a client needs`() {
        var exchange = Exchange()
        var discover = DHCPMessage(.bootRequest, .discover, xid: 0xcafe, chaddr: Self.mac(1))
        discover.options[.clientIdentifier] = [0xff, 1, 2, 3]
        exchange.server.receive(discover, wasBroadcast: true, at: exchange.now)
        guard case .send(let offer, _)? = exchange.drain().first else {
            Issue.record("no offer")
            return
        }
        #expect(offer.op == .bootReply && offer.xid == 0xcafe && offer.chaddr == Self.mac(1))
        #expect(offer.yiaddr == Self.address(10))
        let options = offer.options
        #expect(options.address(.serverIdentifier) == Self.server)
        #expect(options.address(.subnetMask) == IPv4Address("255.255.255.0"))
        #expect(options.addresses(.router) == [Self.server])
        #expect(options.addresses(.domainNameServer) == [Self.server])
        #expect(options.text(.domainName) == "hub.example")
        #expect(options.duration(.leaseTime) == .seconds(7200))
        #expect(options.duration(.renewalTime) == .seconds(3600))
        #expect(options.duration(.rebindingTime) == .seconds(6300))
        #expect(options.address(.broadcastAddress) == Self.address(255))
        #expect(options[.clientIdentifier] == [0xff, 1, 2, 3])
        // RFC 2132 §3.3: the mask stands before the router.
        let codes = options.list.map(\.code)
        #expect(codes.firstIndex(of: .subnetMask)! < codes.firstIndex(of: .router)!)
    }

    @Test func `selecting an address that was not offered is refused`() {
        var exchange = Exchange()
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
        #expect(exchange.send(.request, from: 1, Self.selecting(11)) == ["NAK .0 to all"])
        #expect(exchange.send(.request, from: 2, Self.selecting(10)) == ["NAK .0 to all"])
    }

    @Test func `selecting another server gives the offer back`() {
        var exchange = Exchange()
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
        #expect(exchange.send(.request, from: 1, Self.selecting(10, server: Self.address(2))) == [])
        #expect(exchange.server.silences == [.otherServer: 1])
        #expect(exchange.send(.discover, from: 2) == ["OFFER .10 to .10"])
    }

    @Test func `after a reboot a client is confirmed, corrected, or left to its own server`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(
            exchange.send(.request, from: 1) { $0.options.set(.requestedAddress, Self.address(10)) }
                == ["bound .10 for 7200 s", "ACK .10 to .10"])
        #expect(
            exchange.send(.request, from: 1) { $0.options.set(.requestedAddress, Self.address(11)) }
                == ["NAK .0 to all"])
        #expect(
            exchange.send(.request, from: 1) {
                $0.options.set(.requestedAddress, IPv4Address("10.0.0.10")!)
            } == ["NAK .0 to all"])
        #expect(
            exchange.send(.request, from: 2) { $0.options.set(.requestedAddress, Self.address(12)) } == [])
        #expect(exchange.server.silences == [.unknownClient: 1])
    }

    @Test func `a lease is renewed by unicast and extended`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        exchange.pass(3600)
        #expect(
            exchange.send(.request, from: 1, broadcast: false) { $0.ciaddr = Self.address(10) }
                == ["bound .10 for 7200 s", "ACK .10 to .10"])
        exchange.pass(7000)
        #expect(exchange.server.leases(at: exchange.now).map(\.address) == [Self.address(10)])
    }

    @Test func `renewing another client's address is refused, rebinding an unknown one left alone`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(
            exchange.send(.request, from: 2, broadcast: false) { $0.ciaddr = Self.address(10) }
                == ["NAK .0 to all"])
        #expect(exchange.send(.request, from: 2) { $0.ciaddr = Self.address(10) } == ["NAK .0 to all"])
        #expect(exchange.send(.request, from: 2) { $0.ciaddr = Self.address(77) } == [])
        #expect(exchange.server.silences == [.unknownClient: 1])
    }

    @Test func `a renewal whose record was lost is taken up`() {
        var exchange = Exchange()
        #expect(
            exchange.send(.request, from: 1, broadcast: false) { $0.ciaddr = Self.address(42) }
                == ["bound .42 for 7200 s", "ACK .42 to .42"])
        #expect(
            exchange.send(.request, from: 2, broadcast: false) { $0.ciaddr = Self.address(250) }
                == ["NAK .0 to all"])
    }

    // MARK: the other messages

    @Test func `a released address is kept for its client until another needs it`() {
        var exchange = Exchange(pool: 10...11)
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(
            exchange.send(.release, from: 1, broadcast: false) {
                $0.ciaddr = Self.address(10)
                $0.options.set(.serverIdentifier, Self.server)
            } == ["released .10 for 0 s"])
        #expect(exchange.server.leases(at: exchange.now) == [])
        #expect(exchange.lease(to: 2) == Self.address(11))
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
    }

    @Test func `a stranger cannot release a lease`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(
            exchange.send(.release, from: 2, broadcast: false) {
                $0.ciaddr = Self.address(10)
                $0.options.set(.serverIdentifier, Self.server)
            } == [])
        #expect(exchange.server.leases(at: exchange.now).count == 1)
    }

    @Test func `a declined address is lent to nobody for a while`() {
        var exchange = Exchange(pool: 10...17)
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(exchange.send(.decline, from: 1, Self.selecting(10)) == ["declined .10 for 600 s"])
        #expect(exchange.send(.discover, from: 1) == ["OFFER .11 to .11"])
        exchange.pass(601)
        #expect(
            exchange.send(.discover, from: 2) { $0.options.set(.requestedAddress, Self.address(10)) } == [
                "OFFER .10 to .10"
            ])
    }

    @Test func `one client cannot decline the pool away`() {
        var exchange = Exchange(pool: 10...17)
        for _ in 0..<20 {
            guard let address = exchange.lease(to: 1) else {
                Issue.record("the pool is empty")
                return
            }
            _ = exchange.send(.decline, from: 1, Self.selecting(address.bits & 255))
        }
        #expect(exchange.lease(to: 2) != nil)
    }

    @Test func `inform is answered without an address`() {
        var exchange = Exchange()
        #expect(exchange.send(.inform, from: 1) { $0.ciaddr = Self.address(5) } == ["ACK .0 to .5"])
        #expect(exchange.send(.inform, from: 1) { $0.ciaddr = IPv4Address("10.1.1.1")! } == [])
    }

    @Test func `what no client of this segment sends gets no answer`() {
        var exchange = Exchange()
        #expect(exchange.send(.offer, from: 1) == [])
        #expect(exchange.send(.discover, from: 1) { $0.op = .bootReply } == [])
        #expect(exchange.send(.discover, from: 1) { $0.giaddr = Self.address(9) } == [])
        #expect(exchange.send(.discover, from: 1) { $0.chaddr = .broadcast } == [])
        #expect(exchange.send(.discover, from: 1) { $0.chaddr = MACAddress(0) } == [])
        #expect(exchange.send(.request, from: 1) == [])
        #expect(exchange.server.silences == [.badMessage: 4, .reply: 1, .relayed: 1])
    }

    // MARK: the pool

    @Test func `a full pool is silent, and an offer not taken comes back`() {
        var exchange = Exchange(pool: 10...11)
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(exchange.send(.discover, from: 2) == ["OFFER .11 to .11"])
        #expect(exchange.send(.discover, from: 3) == [])
        #expect(exchange.server.silences == [.poolFull: 1])
        exchange.pass(31)
        #expect(exchange.send(.discover, from: 3) == ["OFFER .11 to .11"])
    }

    @Test func `an expired lease goes to its own client first, then to the one that waits`() {
        var exchange = Exchange(pool: 10...11)
        #expect(exchange.lease(to: 1) == Self.address(10))
        exchange.pass(10)
        #expect(exchange.lease(to: 2) == Self.address(11))
        exchange.pass(7300)
        #expect(exchange.send(.discover, from: 2) == ["OFFER .11 to .11"])
        #expect(exchange.lease(to: 3) == Self.address(10))
        #expect(exchange.send(.discover, from: 1) == [])
    }

    @Test func `the server's own address is not lent`() {
        var exchange = Exchange(pool: 1...3)
        #expect(exchange.lease(to: 1) == Self.address(2))
        #expect(exchange.lease(to: 2) == Self.address(3))
        #expect(exchange.lease(to: 3) == nil)
        #expect(
            exchange.send(.discover, from: 4) { $0.options.set(.requestedAddress, Self.server) } == [])
    }

    @Test func `asking again does not shorten a lease`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
        exchange.pass(60)
        #expect(exchange.server.leases(at: exchange.now).count == 1)
    }

    @Test func `a client is known by its identifier before its hardware address`() {
        var exchange = Exchange()
        let identifier: [UInt8] = [0, 7, 7]
        #expect(
            exchange.send(.discover, from: 1) { $0.options[.clientIdentifier] = identifier } == [
                "OFFER .10 to .10"
            ])
        #expect(exchange.send(.discover, from: 1) == ["OFFER .11 to .11"])
        #expect(
            exchange.send(.discover, from: 2) { $0.options[.clientIdentifier] = identifier } == [
                "OFFER .10 to .10"
            ])
    }

    @Test func `a client may wish for a shorter lease within bounds`() {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        let wishes: [(Int64, String)] = [(600, "600"), (1, "60"), (99_999, "7200")]
        for (wish, given) in wishes {
            let told = exchange.send(.request, from: 1, broadcast: false) {
                $0.ciaddr = Self.address(10)
                $0.options.set(.leaseTime, .seconds(wish))
            }
            #expect(told == ["bound .10 for \(given) s", "ACK .10 to .10"])
        }
    }

    // MARK: restart

    @Test func `leases outlive the process`() {
        var before = Exchange()
        #expect(before.lease(to: 1) == Self.address(10))
        #expect(before.lease(to: 2) == Self.address(11))
        let records = before.server.leases(at: before.now)
        var after = Exchange(restoring: records.reversed())
        #expect(after.server.leases(at: after.now) == records)
        #expect(after.lease(to: 3) == Self.address(12))
        #expect(after.lease(to: 2) == Self.address(11))
        #expect(
            after.send(.request, from: 1, broadcast: false) { $0.ciaddr = Self.address(10) }
                == ["bound .10 for 7200 s", "ACK .10 to .10"])
    }

    @Test func `records from elsewhere and from a clock gone wrong do no harm`() {
        func record(_ address: IPv4Address, _ client: UInt64, _ expiresAt: Int64) -> LeaseRecord {
            LeaseRecord(
                address: address, state: .bound, expiresAt: expiresAt,
                client: DHCPClient(identifier: [1] + Self.mac(client).octets, chaddr: Self.mac(client)))
        }
        let exchange = Exchange(
            restoring: [
                record(IPv4Address("10.9.9.9")!, 1, .max), record(Self.address(20), 2, .max),
                record(Self.address(21), 3, .min), record(Self.address(22), 4, Self.start.wallClock + 1),
                record(Self.address(23), 4, Self.start.wallClock + 2),
            ])
        let leases = exchange.server.leases(at: Self.start)
        #expect(leases.map(\.address) == [Self.address(20), Self.address(23)])
        #expect(leases.first?.expiresAt == Self.start.wallClock + 7200)
    }

    // MARK: settings

    @Test func `the pool follows from the network`() throws {
        func pool(_ text: String) throws -> String {
            try DHCPSettings(network: #require(IPv4Subnet(text))).pool.description
        }
        #expect(try pool("192.168.30.1/24") == "192.168.30.10-192.168.30.200")
        #expect(try pool("10.1.0.1/16") == "10.1.0.10-10.1.0.200")
        #expect(try pool("10.1.0.1/25") == "10.1.0.10-10.1.0.126")
        #expect(try pool("10.1.0.1/30") == "10.1.0.1-10.1.0.2")
    }

    @Test(arguments: ["192.168.30.0/24", "192.168.30.255/24", "10.0.0.1/31", "10.0.0.1/7", "224.0.0.1/24"])
    func `no router has such an address`(_ text: String) throws {
        let network = try #require(IPv4Subnet(text))
        #expect(throws: SecureNATError.badNetwork(network)) { try DHCPSettings(network: network) }
    }

    @Test func `a pool outside of the network is refused`() throws {
        let pool = try #require(AddressRange(Self.address(10), Self.address(255)))
        #expect(throws: SecureNATError.badPool(pool, Self.network)) {
            try DHCPSettings(network: Self.network, pool: pool)
        }
    }

    // MARK: addresses that are not lent

    @Test func `a reserved address is neither offered nor given to who wishes for it`() {
        var exchange = Exchange(pool: 10...12)
        exchange.server.reserved = [Self.address(10), Self.address(12), Self.address(77)]
        #expect(
            exchange.send(.discover, from: 1) { $0.options.set(.requestedAddress, Self.address(12)) }
                == ["OFFER .11 to .11"])
        #expect(exchange.lease(to: 1) == Self.address(11))
        #expect(exchange.send(.discover, from: 2) == [])
        #expect(exchange.server.silences == [.poolFull: 1])
        // It is free for all when it is not reserved any more.
        exchange.server.reserved = [Self.address(12)]
        #expect(exchange.lease(to: 2) == Self.address(10))
    }

    @Test func `an expired lease of a reserved address is not lent to somebody else`() {
        var exchange = Exchange(pool: 10...10)
        #expect(exchange.lease(to: 1) == Self.address(10))
        exchange.server.reserved = [Self.address(10)]
        exchange.pass(7201)
        #expect(exchange.lease(to: 2) == nil)
        #expect(exchange.lease(to: 1) == nil)
    }

    @Test(arguments: [false, true])
    func `who has leased an address that is now reserved is sent to another one`(broadcast: Bool) {
        var exchange = Exchange()
        #expect(exchange.lease(to: 1) == Self.address(10))
        exchange.server.reserved = [Self.address(10)]
        let renewal = exchange.send(.request, from: 1, broadcast: broadcast) { $0.ciaddr = Self.address(10) }
        #expect(renewal == ["NAK .0 to all"])
        let reboot = exchange.send(.request, from: 1) {
            $0.options.set(.requestedAddress, Self.address(10))
        }
        #expect(reboot == ["NAK .0 to all"])
        #expect(exchange.lease(to: 1) == Self.address(11))
    }

    @Test func `an offer of an address that is reserved before it is taken is withdrawn`() {
        var exchange = Exchange()
        #expect(exchange.send(.discover, from: 1) == ["OFFER .10 to .10"])
        exchange.server.reserved = [Self.address(10)]
        #expect(exchange.send(.request, from: 1, Self.selecting(10)) == ["NAK .0 to all"])
    }
}
