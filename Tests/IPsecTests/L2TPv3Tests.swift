import IKEPeer
import LentPackets
import Testing
import Wire

@testable import ESP
@testable import IKEv1
@testable import IPsecCore
@testable import L2TP

@Suite struct L2TPv3Tests {
    static let frame = EtherIPTests.frame

    /// A router that speaks L2TPv3 under its SAs.
    final class Router {
        let site: Site
        let peer: IKEPeer
        let isUDP: Bool
        var ns: UInt16 = 0
        var nr: UInt16 = 0
        var connection: UInt32 = 0
        var session: UInt32 = 0
        var transcript: [String] = []

        init(_ site: Site, isUDP: Bool = false) throws {
            self.site = site
            self.isUDP = isUDP
            peer = try site.peer {
                let number: UInt8 = isUDP ? 17 : 115
                $0.selectors?.0.protocolNumber = number
                $0.selectors?.1.protocolNumber = number
            }
            site.heardESP = { [weak self] in try self?.receive($0, $1) }
        }

        func wrap(_ octets: [UInt8], isControl: Bool) -> [UInt8] {
            guard isUDP else { return isControl ? [0, 0, 0, 0] + octets : octets }
            var datagram: [UInt8] = []
            datagram.appendBigEndian(UInt16(5555))
            datagram.appendBigEndian(UInt16(1701))
            let payload = isControl ? octets : [0, 3, 0, 0] + octets
            datagram.appendBigEndian(UInt16(8 + payload.count))
            datagram.appendBigEndian(UInt16(0))
            return datagram + payload
        }

        func send(_ message: ControlMessage) throws {
            transcript.append("\(message.type.name) -->")
            var octets: [UInt8] = []
            L2TPv3Header(connection: connection, ns: ns, nr: nr)
                .serialize(into: &octets, bodyLength: message.body.count)
            ns &+= 1
            _ = try site.deliver(
                wrap(octets + message.body, isControl: true), nextHeader: isUDP ? 17 : 115, from: peer)
        }

        func receive(_ nextHeader: UInt8, _ payload: [UInt8]) throws {
            let prefix = isUDP ? 8 : 4
            var input = ByteReader(payload.rawSpan)
            let head = try input.take(prefix)
            if isUDP { #expect(head.prefix(4) == [0x06, 0xa5, 0x15, 0xb3]) }
            let header = try L2TPv3Header(parsing: &input)
            guard input.remaining > 0 else { return }
            let message = try ControlMessage(parsing: &input)
            transcript.append("<-- \(message.type.name)")
            nr = header.ns &+ 1
            if let avp = message.first(.assignedControlConnectionID), message.type == .SCCRP {
                connection = try avp.number()
            }
            if message.type == .ICRP { session = try message.required(.localSessionID) }
        }

        func connect() throws {
            try send(
                ControlMessage(
                    .SCCRQ,
                    [
                        AVP(.hostName, [65]), AVP(.routerID, number: 1 as UInt32),
                        AVP(.assignedControlConnectionID, number: 0x1111 as UInt32),
                    ]))
            try send(ControlMessage(.SCCCN))
            try send(
                ControlMessage(
                    .ICRQ,
                    [
                        AVP(.localSessionID, number: 0x2222 as UInt32),
                        AVP(.pseudowireType, number: 5 as UInt16),
                    ]))
            guard session != 0 else { return }
            try send(ControlMessage(.ICCN, [AVP(.localSessionID, number: 0x2222 as UInt32)]))
        }
    }

    @Test(arguments: [false, true])
    func `a pseudowire is a place on a hub, over IP and over UDP`(_ isUDP: Bool) throws {
        let site = try Site()
        let router = try Router(site, isUDP: isUDP)
        try router.connect()
        #expect(
            router.transcript == [
                "SCCRQ -->", "<-- SCCRP", "SCCCN -->", "ICRQ -->", "<-- ICRP", "ICCN -->",
            ])
        #expect(site.events == ["authenticate peer.example", "open L2TPv3/IPsec AES-256-CBC, SHA256"])
        let data = router.wrap(router.session.octets + Self.frame, isControl: false)
        let number: UInt8 = isUDP ? 17 : 115
        let (received, octets) = try site.deliver(data, nextHeader: number, from: router.peer)
        #expect(received == .frame(try #require(site.opened.first).place) && octets == Self.frame)
        let sent = try #require(try site.transmit(Self.frame, to: router.peer))
        #expect(sent.nextHeader == number)
        let head: [UInt8] = isUDP ? [0x06, 0xa5, 0x15, 0xb3, 0, 76, 0, 0, 0, 3, 0, 0] : []
        #expect(sent.payload == head + [0, 0, 0x22, 0x22] + Self.frame)
    }

    @Test func `an identity of nobody is told so by CDN`() throws {
        let site = try Site()
        site.refusal = { _ in "nobody" }
        let router = try Router(site)
        try router.connect()
        #expect(router.transcript.last == "<-- CDN" && site.opened.isEmpty)
    }

    @Test func `a router that hangs up leaves its place, and may call again`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        try router.send(ControlMessage(.CDN, [AVP(.resultCode, [0, 3])]))
        #expect(site.events.last == "close client")
        router.session = 0
        try router.send(
            ControlMessage(
                .ICRQ,
                [AVP(.localSessionID, number: 9 as UInt32), AVP(.pseudowireType, number: 5 as UInt16)]))
        #expect(router.transcript.last == "<-- ICRP" && site.opened.count == 2)
    }

    @Test func `a router that begins anew takes its place over`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        (router.ns, router.nr, router.connection, router.session) = (0, 0, 0, 0)
        router.transcript = []
        try router.send(
            ControlMessage(.SCCRQ, [AVP(.assignedControlConnectionID, number: 0x3333 as UInt32)]))
        try router.send(ControlMessage(.SCCCN))
        try router.send(
            ControlMessage(
                .ICRQ,
                [AVP(.localSessionID, number: 9 as UInt32), AVP(.pseudowireType, number: 5 as UInt16)]))
        #expect(site.events.suffix(3).first == "close replaced")
        #expect(site.opened.count == 2 && router.session != 0)
    }

    @Test func `a place that the host takes away is told`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        site.server.sessionClosed(site.opened[0].place, "by hand", at: site.now)
        try site.drain()
        #expect(router.transcript.last == "<-- CDN")
        #expect(try site.transmit(Self.frame, to: router.peer) == nil)
    }

    @Test func `data of no session, and messages that are none, are dropped`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        for octets in [[1, 2, 3], [0, 0, 0, 9] + Self.frame, router.session.octets + [1, 2, 3]] {
            #expect(try site.deliver(octets, nextHeader: 115, from: router.peer).0 == .consumed)
        }
        #expect(site.drops(.noSession) == 1 && site.drops(.malformed) == 2)
        var control: [UInt8] = [0, 0, 0, 0]
        L2TPv3Header(connection: router.connection, ns: 4, nr: 2).serialize(into: &control, bodyLength: 3)
        #expect(try site.deliver(control + [0, 0, 0], nextHeader: 115, from: router.peer).0 == .consumed)
        #expect(site.drops(.malformed) == 3)
    }

    @Test func `the end of the SAs is the end of the pseudowire`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        try site.send(
            router.peer.delete(Deletion(.isakmp, [router.peer.cookies.octets])), from: router.peer)
        #expect(site.events.last == "close client" && site.server.peerCount == 0)
    }

    @Test func `at the end of the server a router is told`() throws {
        let site = try Site()
        let router = try Router(site)
        try router.connect()
        site.server.stop(at: site.now)
        try site.drain()
        #expect(router.transcript.last == "<-- StopCCN")
    }
}
