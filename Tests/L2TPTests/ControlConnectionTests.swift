import Testing
import Wire

@testable import L2TP

/// A router's side of a connection, by hand.
struct Router {
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var ns: UInt16 = 0
    var nr: UInt16 = 0
    var server: ControlConnection?
    var transcript: [String] = []
    var outputs: [ControlConnection.Output] = []
    var messages: [ControlMessage] = []
    var transport = L2TPv3Transport.ip

    static let ours: UInt32 = 0x1111
    static let session: UInt32 = 0x2222

    static func number(_ type: AVPType, _ value: UInt32) -> AVP { AVP(type, number: value) }
    static func short(_ type: AVPType, _ value: UInt16) -> AVP { AVP(type, number: value) }

    static let request = ControlMessage(
        .SCCRQ,
        [
            AVP(.hostName, Array("router".utf8)), number(.routerID, 1),
            number(.assignedControlConnectionID, ours), AVP(.pseudowireCapabilities, [0, 5, 0, 4]),
        ])
    static let call = ControlMessage(
        .ICRQ,
        [
            number(.localSessionID, session), number(.remoteSessionID, 0), short(.pseudowireType, 5),
            AVP(.remoteEndID, [0x31]), short(.circuitStatus, 3),
        ])

    /// Sends a message, and takes what comes back.
    mutating func send(_ message: ControlMessage) throws {
        transcript.append("\(message.type.name) -->")
        let body = message.body
        var input = ByteReader(body.rawSpan)
        let header = L2TPv3Header(connection: server?.localID ?? 0, ns: ns, nr: nr)
        ns &+= 1
        if server == nil {
            let parsed = try ControlMessage(parsing: &input)
            server = try ControlConnection(
                answering: parsed, header, transport,
                as: ControlConnection.LocalEnd(connection: 0x3333, routerID: 7, hostName: "polyhub"),
                at: now)
        } else {
            try server?.receive(header, &input, at: now)
        }
        try drain()
    }

    mutating func drain() throws {
        while let output = server?.nextOutput() {
            guard case .send(let octets) = output else {
                outputs.append(output)
                continue
            }
            var input = ByteReader(octets.rawSpan)
            let header = try L2TPv3Header(parsing: &input)
            guard input.remaining > 0 else {
                transcript.append("<-- acknowledgement")
                continue
            }
            let message = try ControlMessage(parsing: &input)
            messages.append(message)
            nr = header.ns &+ 1
            transcript.append("<-- \(message.type.name)")
        }
    }

    mutating func wait(_ duration: Duration) throws {
        let end = now + duration
        while let deadline = server?.deadline, deadline <= end {
            now = max(now, deadline)
            server?.handleTimeout(at: now)
            try drain()
        }
        now = end
    }

    mutating func connect() throws {
        try send(Self.request)
        try send(ControlMessage(.SCCCN))
        try send(Self.call)
        server?.accept(sessionID: 0x4444, at: now)
        try drain()
        try send(
            ControlMessage(
                .ICCN,
                [Self.number(.localSessionID, Self.session), Self.number(.remoteSessionID, 0x4444)]))
    }

    /// That the peer has all that the server said.
    mutating func acknowledge() throws {
        let none: [UInt8] = []
        var input = ByteReader(none.rawSpan)
        let header = L2TPv3Header(connection: 0x3333, ns: ns, nr: nr)
        try server?.receive(header, &input, at: now)
        try drain()
    }
}

@Suite struct ControlConnectionTests {
    @Test func `a router connects, calls, and hangs up`() throws {
        var router = Router()
        try router.connect()
        let session = L2TPv3Session(
            transport: .ip, localID: 0x4444, remoteID: Router.session, remoteCookie: [], hasSublayer: false)
        #expect(router.outputs == [.sessionRequested, .sessionEstablished(session)])
        try router.send(ControlMessage(.CDN, [ResultCode.administrative.avp]))
        try router.send(ControlMessage(.StopCCN, [ResultCode.clearConnection.avp]))
        #expect(
            router.transcript == [
                "SCCRQ -->", "<-- SCCRP", "SCCCN -->", "<-- acknowledgement", "ICRQ -->",
                "<-- acknowledgement", "<-- ICRP", "ICCN -->", "<-- acknowledgement", "CDN -->",
                "<-- acknowledgement", "StopCCN -->", "<-- acknowledgement",
            ])
        #expect(router.outputs.last == .sessionEnded)
        try router.wait(.seconds(6))
        #expect(router.server?.isOver == true && router.outputs.last == .ended("it was ended"))
    }

    @Test func `SCCRP says who we are`() throws {
        var router = Router()
        try router.send(Router.request)
        let answer = try #require(router.messages.first)
        #expect(try answer.required(.assignedControlConnectionID) == 0x3333 as UInt32)
        #expect(try answer.required(.routerID) == 7 as UInt32)
        #expect(answer.first(.pseudowireCapabilities)?.value == [0, 5, 0, 4])
    }

    @Test func `cookies and the sublayer are what the router wants`() throws {
        var router = Router()
        router.transport = .udp
        try router.send(Router.request)
        try router.send(ControlMessage(.SCCCN))
        var call = Router.call
        call.avps += [AVP(.assignedCookie, [1, 2, 3, 4]), Router.short(.l2SpecificSublayer, 1)]
        try router.send(call)
        router.server?.accept(sessionID: 0x4444, at: router.now)
        try router.drain()
        let session = try #require(router.server?.session)
        #expect(session.header == [0, 3, 0, 0, 0, 0, 0x22, 0x22, 1, 2, 3, 4, 0, 0, 0, 0])
        #expect(session.headerLength == 16 && session.receivedHeaderLength == 12)
        #expect(router.messages.last?.first(.l2SpecificSublayer)?.value == [0, 1])
    }

    @Test func `Cisco's own AVPs are answered in kind`() throws {
        var router = Router()
        try router.send(
            ControlMessage(
                .SCCRQ,
                [
                    AVP(.hostName, [65]), AVP(AVPType(rawValue: 1), number: 0x1111 as UInt32, vendor: .cisco),
                    AVP(AVPType(rawValue: 10), number: 1 as UInt16, vendor: .cisco),
                ]))
        let answer = try #require(router.messages.first)
        #expect(answer.first(.assignedControlConnectionID) == nil)
        #expect(try answer.first(AVPType(rawValue: 1), .cisco)?.number() == 0x3333 as UInt32)
        try router.send(ControlMessage(.SCCCN))
        try router.send(
            ControlMessage(
                .ICRQ,
                [
                    AVP(AVPType(rawValue: 3), number: Router.session, vendor: .cisco),
                    AVP(AVPType(rawValue: 7), number: 5 as UInt16, vendor: .cisco),
                ]))
        #expect(router.outputs == [.sessionRequested])
    }

    @Test func `what must be understood and is not ends what it is about`() throws {
        let unknown = AVP(AVPType(rawValue: 999), [1])
        var first = Router()
        var request = Router.request
        request.avps.append(unknown)
        try first.send(request)
        #expect(first.transcript.last == "<-- StopCCN")
        #expect(try ResultCode(parsing: first.messages[0].avps[1].value).error == 8)
        var second = Router()
        try second.send(Router.request)
        try second.send(ControlMessage(.SCCCN))
        var call = Router.call
        call.avps.append(unknown)
        try second.send(call)
        #expect(second.messages.last?.type == .CDN && second.outputs.isEmpty)
        var third = Router()
        request = Router.request
        request.avps.append(AVP(AVPType(rawValue: 999), [1], isMandatory: false))
        try third.send(request)
        #expect(third.transcript.last == "<-- SCCRP")
    }

    @Test func `a second call is refused, and one for another kind of pseudowire`() throws {
        var router = Router()
        try router.connect()
        try router.send(Router.call)
        #expect(router.messages.last?.type == .CDN)
        #expect(router.server?.session != nil)
        var other = Router()
        try other.send(Router.request)
        try other.send(ControlMessage(.SCCCN))
        var call = Router.call
        call.avps[2] = Router.short(.pseudowireType, 7)
        try other.send(call)
        #expect(other.messages.last?.type == .CDN && other.outputs.isEmpty)
    }

    @Test func `a silent router is asked, and given up`() throws {
        var router = Router()
        try router.connect()
        try router.acknowledge()
        try router.wait(.seconds(61))
        #expect(router.transcript.last == "<-- HELLO")
        try router.acknowledge()
        try router.wait(.seconds(50))
        #expect(router.server?.isOver == false)
        try router.wait(.seconds(60))
        #expect(router.outputs.suffix(2) == [.sessionEnded, .ended("the peer does not answer")])
        #expect(router.server?.deadline == nil)
    }

    @Test func `a connection that is never completed goes`() throws {
        var router = Router()
        try router.send(Router.request)
        try router.acknowledge()
        try router.wait(.seconds(31))
        #expect(router.outputs == [.ended("SCCCN did not come")])
    }

    @Test func `a call that is never completed is hung up`() throws {
        var router = Router()
        try router.send(Router.request)
        try router.send(ControlMessage(.SCCCN))
        try router.send(Router.call)
        router.server?.accept(sessionID: 0x4444, at: router.now)
        try router.drain()
        try router.acknowledge()
        try router.wait(.seconds(31))
        #expect(router.messages.last?.type == .CDN && router.outputs.last == .sessionEnded)
    }

    @Test func `a message out of place ends the connection`() throws {
        var router = Router()
        try router.send(Router.request)
        try router.send(Router.call)
        #expect(router.messages.last?.type == .StopCCN)
    }

    @Test func `headers that lie are refused`() throws {
        var octets: [UInt8] = []
        L2TPv3Header(connection: 1, ns: 2, nr: 3).serialize(into: &octets, bodyLength: 0)
        #expect(octets == [0xc8, 3, 0, 12, 0, 0, 0, 1, 0, 2, 0, 3])
        func parse(_ octets: [UInt8]) throws {
            var input = ByteReader(octets.rawSpan)
            _ = try L2TPv3Header(parsing: &input)
        }
        try parse(octets)
        for count in 0..<12 { #expect(throws: WireError.self) { try parse(Array(octets.prefix(count))) } }
        for (offset, lie) in [(0, 0x48), (0, 0x88), (0, 0xc0), (1, 2), (3, 11), (3, 13), (2, 255)] {
            var wrong = octets
            wrong[offset] = UInt8(lie)
            #expect(throws: WireError.self) { try parse(wrong) }
        }
    }

    @Test func `a call that nobody decides about is hung up`() throws {
        var router = Router()
        try router.send(Router.request)
        try router.send(ControlMessage(.SCCCN))
        try router.send(Router.call)
        try router.acknowledge()
        try router.wait(.seconds(29))
        #expect(router.outputs == [.sessionRequested])
        try router.wait(.seconds(2))
        #expect(router.outputs == [.sessionRequested, .sessionEnded])
        #expect(router.messages.last?.type == .CDN)
        router.server?.accept(sessionID: 0x4444, at: router.now)
        #expect(router.server?.session == nil)
    }
}
