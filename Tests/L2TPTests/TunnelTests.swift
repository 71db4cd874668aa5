import OpenSSL
import Testing
import Wire

@testable import L2TP

/// A LAC, by hand.
struct LAC {
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var ns: UInt16 = 0
    var nr: UInt16 = 0
    var tunnel: Tunnel?
    var secret: SecretBytes?
    var transcript: [String] = []
    var outputs: [Tunnel.Output] = []
    var messages: [ControlMessage] = []
    var sessions: [UInt16] = []

    static let request = ControlMessage(
        .SCCRQ,
        [
            AVP(.protocolVersion, [1, 0]), AVP(.hostName, Array("phone".utf8)),
            AVP(.framingCapabilities, number: 3 as UInt32), AVP(.assignedTunnelID, number: 7 as UInt16),
            AVP(.receiveWindowSize, number: 8 as UInt16),
        ])

    static func call(_ id: UInt16) -> ControlMessage {
        ControlMessage(
            .ICRQ, [AVP(.assignedSessionID, number: id), AVP(AVPType(rawValue: 15), number: 1 as UInt32)])
    }

    static let connected = ControlMessage(
        .ICCN,
        [
            AVP(AVPType(rawValue: 24), number: 100_000 as UInt32),
            AVP(AVPType(rawValue: 19), number: 1 as UInt32),
        ])

    mutating func send(_ message: ControlMessage, session: UInt16 = 0) throws {
        transcript.append("\(message.type.name) -->")
        let body = message.body
        var input = ByteReader(body.rawSpan)
        let header = L2TPHeader(
            isControl: true, tunnel: tunnel?.localID ?? 0, session: session,
            numbers: L2TPHeader.Numbers(ns: ns, nr: nr))
        ns &+= 1
        if tunnel == nil {
            let parsed = try ControlMessage(parsing: &input)
            tunnel = try Tunnel(
                answering: parsed, header, localID: 0x3333, hostName: "polyhub", secret: secret, at: now)
        } else {
            try tunnel?.receive(header, &input, at: now)
        }
        try drain()
    }

    mutating func drain() throws {
        while let output = tunnel?.nextOutput() {
            guard case .send(let octets) = output else {
                outputs.append(output)
                continue
            }
            var input = ByteReader(octets.rawSpan)
            let header = try L2TPHeader(parsing: &input)
            #expect(header.tunnel == 7)
            guard input.remaining > 0 else { continue }
            let message = try ControlMessage(parsing: &input)
            messages.append(message)
            nr = (header.numbers?.ns ?? 0) &+ 1
            transcript.append("<-- \(message.type.name)")
            if message.type == .ICRP { sessions.append(try message.required(.assignedSessionID)) }
        }
    }

    mutating func wait(_ duration: Duration) throws {
        let end = now + duration
        while let deadline = tunnel?.deadline, deadline <= end {
            now = max(now, deadline)
            tunnel?.handleTimeout(at: now)
            try drain()
        }
        now = end
    }

    mutating func acknowledge() throws {
        let none: [UInt8] = []
        var input = ByteReader(none.rawSpan)
        let numbers = L2TPHeader.Numbers(ns: ns, nr: nr)
        let header = L2TPHeader(isControl: true, tunnel: 0x3333, session: 0, numbers: numbers)
        try tunnel?.receive(header, &input, at: now)
        try drain()
    }

    mutating func connect(calls: Int = 1) throws {
        try send(Self.request)
        try send(ControlMessage(.SCCCN))
        for call in 0..<calls {
            try send(Self.call(UInt16(100 + call)))
            try send(Self.connected, session: sessions[call])
        }
    }
}

@Suite struct TunnelTests {
    @Test func `a telephone connects, calls, and hangs up`() throws {
        var phone = LAC()
        try phone.connect()
        let session = Tunnel.Session(localID: 1, remoteID: 100)
        #expect(phone.outputs == [.sessionEstablished(session, proxy: [])])
        #expect(phone.tunnel?.session(1) == session && phone.tunnel?.hostName == "phone")
        try phone.send(ControlMessage(.CDN, [ResultCode(1).avp]), session: 1)
        try phone.send(ControlMessage(.StopCCN, [ResultCode.clearConnection.avp]))
        #expect(
            phone.transcript == [
                "SCCRQ -->", "<-- SCCRP", "SCCCN -->", "ICRQ -->", "<-- ICRP", "ICCN -->", "CDN -->",
                "StopCCN -->",
            ])
        #expect(phone.outputs.last == .sessionEnded(1, ResultCode(1)))
        try phone.wait(.seconds(6))
        #expect(phone.tunnel?.isOver == true && phone.outputs.last == .ended("it was ended"))
    }

    @Test func `a tunnel has several sessions, each with its own end`() throws {
        var concentrator = LAC()
        try concentrator.connect(calls: 5)
        #expect(concentrator.sessions == [1, 2, 3, 4, 5])
        concentrator.tunnel?.hangUp(3, .administrative, at: concentrator.now)
        try concentrator.drain()
        #expect(concentrator.messages.last?.type == .CDN)
        #expect(concentrator.outputs.last == .sessionEnded(3, .administrative))
        #expect(concentrator.tunnel?.session(3) == nil && concentrator.tunnel?.session(4) != nil)
        try concentrator.send(ControlMessage(.StopCCN))
        #expect(concentrator.outputs.count == 10)
    }

    @Test func `a challenge is answered by those who know the secret`() throws {
        var request = LAC.request
        request.avps.append(AVP(.challenge, [1, 2, 3, 4]))
        var stranger = LAC()
        try stranger.send(request)
        #expect(stranger.transcript.last == "<-- StopCCN")
        #expect(try ResultCode(parsing: stranger.messages[0].avps[1].value).result == 4)
        var known = LAC()
        known.secret = SecretBytes(copying: Array("secret".utf8))
        try known.send(request)
        // MD5 of 2, "secret", 1, 2, 3, 4.
        let expected: [UInt8] = [
            0xc9, 0x4e, 0x89, 0x91, 0x41, 0x85, 0x52, 0x45, 0xff, 0xc3, 0x31, 0x4c, 0x4b, 0x25, 0x88, 0x27,
        ]
        #expect(known.messages.first?.first(.challengeResponse)?.value == expected)
    }

    @Test func `hidden AVPs are read with the secret`() throws {
        let vector: [UInt8] = Array(0..<16)
        var phone = LAC()
        phone.secret = SecretBytes(copying: Array("secret".utf8))
        var request = LAC.request
        let hidden = try HiddenAVP.hide(request.avps[3], secret: phone.secret, vector: vector)
        request.avps[3] = AVP(.randomVector, vector)
        request.avps.append(hidden)
        try phone.send(request)
        #expect(phone.transcript.last == "<-- SCCRP" && phone.tunnel?.remoteID == 7)
    }

    @Test func `what must be understood and is not ends what it is about`() throws {
        let unknown = AVP(AVPType(rawValue: 999), [1])
        var first = LAC()
        var request = LAC.request
        request.avps.append(unknown)
        try first.send(request)
        #expect(first.transcript.last == "<-- StopCCN")
        var second = LAC()
        try second.connect()
        var call = LAC.call(200)
        call.avps.append(AVP(AVPType(rawValue: 1), [1], vendor: Vendor(rawValue: 311)))
        try second.send(call)
        #expect(second.messages.last?.type == .CDN && second.tunnel?.session(1) != nil)
        var third = LAC()
        request.avps[5].isMandatory = false
        try third.send(request)
        #expect(third.transcript.last == "<-- SCCRP")
    }

    @Test func `calls in the other direction are refused, and messages out of place end the tunnel`() throws {
        var phone = LAC()
        try phone.connect()
        try phone.send(ControlMessage(.OCRQ, [AVP(.assignedSessionID, number: 9 as UInt16)]))
        #expect(phone.messages.last?.type == .CDN)
        try phone.send(LAC.request)
        #expect(phone.messages.last?.type == .StopCCN)
        #expect(phone.outputs.last == .sessionEnded(1, ResultCode(2, error: 5, "SCCRQ is not expected")))
    }

    @Test func `a silent peer is asked, and given up`() throws {
        var phone = LAC()
        try phone.connect()
        try phone.acknowledge()
        try phone.wait(.seconds(61))
        #expect(phone.transcript.last == "<-- HELLO")
        try phone.wait(.seconds(60))
        #expect(
            phone.outputs.suffix(2) == [
                .sessionEnded(1, .lostCarrier), .ended("the peer does not answer"),
            ])
        #expect(phone.tunnel?.deadline == nil)
    }

    @Test func `a call that is never completed is hung up, and its id is free again`() throws {
        var phone = LAC()
        try phone.send(LAC.request)
        try phone.send(ControlMessage(.SCCCN))
        try phone.send(LAC.call(100))
        try phone.acknowledge()
        try phone.wait(.seconds(31))
        #expect(phone.messages.last?.type == .CDN)
        try phone.acknowledge()
        try phone.send(LAC.call(101))
        #expect(phone.sessions == [1, 1])
    }

    @Test func `headers that lie are refused`() throws {
        var octets: [UInt8] = []
        let header = L2TPHeader(
            isControl: true, tunnel: 1, session: 2, numbers: L2TPHeader.Numbers(ns: 3, nr: 4))
        header.serialize(into: &octets, bodyLength: 0)
        #expect(octets == [0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4])
        func parse(_ octets: [UInt8]) throws -> L2TPHeader {
            var input = ByteReader(octets.rawSpan)
            return try L2TPHeader(parsing: &input)
        }
        let parsed = try parse(octets)
        #expect(parsed.isControl && parsed.tunnel == 1 && parsed.session == 2)
        #expect(parsed.numbers == header.numbers && parsed.packetLength == 12)
        for count in 0..<12 {
            #expect(throws: WireError.self) { try parse(Array(octets.prefix(count))) }
        }
        // No length, no numbers, an offset, a priority; another version; lengths that cannot be.
        for (offset, lie) in [
            (0, 0x88), (0, 0xc0), (0, 0xca), (0, 0xc9), (1, 3), (1, 1), (3, 13), (3, 11), (3, 3), (2, 255),
        ] {
            var wrong = octets
            wrong[offset] = UInt8(lie)
            #expect(throws: WireError.self, "\(lie) at \(offset)") { try parse(wrong) }
        }
    }

    @Test func `the header of data may have a length, numbers and an offset`() throws {
        func rest(_ octets: [UInt8]) throws -> [UInt8] {
            var input = ByteReader(octets.rawSpan)
            let header = try L2TPHeader(parsing: &input)
            #expect(!header.isControl && header.tunnel == 1 && header.session == 2)
            return input.rest()
        }
        #expect(L2TPHeader.data(tunnel: 1, session: 2) == [0, 2, 0, 1, 0, 2])
        #expect(L2TPHeader.data(tunnel: 1, session: 2, ns: 258) == [8, 2, 0, 1, 0, 2, 1, 2, 0, 0])
        #expect(try rest([0, 2, 0, 1, 0, 2, 9]) == [9])
        #expect(try rest([0x40, 2, 0, 9, 0, 1, 0, 2, 9, 0, 0]) == [9])
        #expect(try rest([0x08, 2, 0, 1, 0, 2, 0, 0, 0, 0, 9]) == [9])
        #expect(try rest([0x02, 2, 0, 1, 0, 2, 0, 3, 7, 7, 7, 9]) == [9])
        #expect(throws: WireError.truncated) { try rest([0x02, 2, 0, 1, 0, 2, 0xff, 0xff, 7, 9]) }
        #expect(throws: WireError.badLength) { try rest([0x40, 2, 0, 12, 0, 1, 0, 2, 9]) }
    }
}
