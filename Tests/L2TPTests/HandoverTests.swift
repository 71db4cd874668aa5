import OpenSSL
import Testing
import Wire

@testable import L2TP

/// Tunnels and control connections that go on in another instance.
@Suite struct HandoverTests {
    private let now = Instant(nanoseconds: 0x1_0000_0000)

    private func tunnel(_ messages: [(ControlMessage, UInt16)] = []) throws -> Tunnel {
        let request = ControlMessage(
            .SCCRQ, [AVP(.hostName, Array("phone".utf8)), AVP(.assignedTunnelID, number: 0x0707 as UInt16)])
        let numbers = L2TPHeader.Numbers(ns: 0, nr: 0)
        var tunnel = try Tunnel(
            answering: request, L2TPHeader(isControl: true, tunnel: 0, session: 0, numbers: numbers),
            localID: 0x1234, hostName: "polyhub", at: now)
        drain(&tunnel)
        for (index, (message, session)) in messages.enumerated() {
            let numbers = L2TPHeader.Numbers(ns: UInt16(index + 1), nr: 1)
            let body = message.body
            var reader = ByteReader(body.rawSpan)
            try tunnel.receive(
                L2TPHeader(isControl: true, tunnel: 0x1234, session: session, numbers: numbers), &reader,
                at: now)
            drain(&tunnel)
        }
        return tunnel
    }

    private func drain(_ tunnel: inout Tunnel) { while tunnel.nextOutput() != nil {} }

    private static let call: [(ControlMessage, UInt16)] = [
        (ControlMessage(.SCCCN), 0), (ControlMessage(.ICRQ, [AVP(.assignedSessionID, number: UInt16(9))]), 0),
        (ControlMessage(.ICCN, [AVP(.sequencingRequired, [])]), 1),
    ]

    private func record(_ engine: some Recorded) throws -> [UInt8] {
        var octets: [UInt8] = []
        try #require(engine.serialize(into: &octets))
        return octets
    }

    @Test func `a tunnel goes on in whatever stage it is, and each cut of it is refused`() throws {
        var ended = try tunnel(Self.call)
        ended.end(.shuttingDown, at: now)
        drain(&ended)
        for tunnel in try [
            tunnel(), tunnel(Array(Self.call.prefix(1))), tunnel(Array(Self.call.prefix(2))),
            tunnel(Self.call), ended,
        ] { try expectToGoOn(tunnel) }
    }

    /// Gives what goes on.
    @discardableResult
    private func expectToGoOn<Engine: Recorded>(_ engine: Engine) throws -> Engine {
        let record = try record(engine)
        var reader = ByteReader(record.rawSpan)
        let arrived = try Engine(parsing: &reader)
        #expect(reader.remaining == 0 && arrived.deadline == engine.deadline)
        #expect(try self.record(arrived) == record)
        for length in record.indices {
            var reader = ByteReader(record.rawSpan.extracting(first: length))
            #expect(throws: WireError.self) { try Engine(parsing: &reader) }
        }
        // What nobody has acknowledged is sent again by the other one, in the same words.
        var (former, other) = (engine, arrived)
        let end = now + .seconds(100)
        while let deadline = former.deadline, deadline < end {
            former.handleTimeout(at: deadline)
            other.handleTimeout(at: deadline)
            while let output = former.nextOutput() { #expect(other.nextOutput() == output) }
            #expect(other.nextOutput() == nil && other.deadline == former.deadline)
        }
        return arrived
    }

    @Test func `while outputs wait there is no record`() throws {
        var tunnel = try tunnel(Self.call)
        tunnel.hangUp(1, .administrative, at: now)
        var octets: [UInt8] = []
        #expect(!tunnel.serialize(into: &octets) && octets.isEmpty)
    }

    @Test func `the octets of a tunnel with a call`() throws {
        let sections = [
            // Both ids, the host's name, established; a session with its ids and numbers, established.
            "1234 0707 00000005 70686f6e65 01 00000001 0001 0009 01 00",
            // The channel: Ns, Nr, ICRP that is not acknowledged yet.
            "0002 0004 01 0001 0009 00000010 800800000000000b 80080000000e0001 01",
            // Window, no retransmission, patience, deadline, nothing owed.
            "04 00 000000003b9aca00 01 000000013b9aca00 00 00",
            // When it was heard; it is not empty; no secret.
            "0000000100000000 00 00000000",
        ]
        let hex = try record(tunnel(Self.call)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == sections.joined().filter { $0 != " " })
    }

    @Test func `a tunnel's secret goes with it`() throws {
        let request = ControlMessage(.SCCRQ, [AVP(.assignedTunnelID, number: 7 as UInt16)])
        let numbers = L2TPHeader.Numbers(ns: 0, nr: 0)
        var tunnel = try Tunnel(
            answering: request, L2TPHeader(isControl: true, tunnel: 0, session: 0, numbers: numbers),
            localID: 9, hostName: "polyhub", secret: SecretBytes(copying: [1, 2, 3]), at: now)
        drain(&tunnel)
        let octets = try record(tunnel)
        #expect(octets.suffix(7) == [0, 0, 0, 3, 1, 2, 3])
        var reader = ByteReader(octets.rawSpan)
        let other = try Tunnel(parsing: &reader)
        #expect(try other.secret?.count == 3 && record(other) == octets)
    }

    // MARK: L2TPv3

    private func connection(_ messages: [ControlMessage]) throws -> ControlConnection {
        var connection = try ControlConnection(
            answering: ControlMessage(
                .SCCRQ, [AVP(.assignedControlConnectionID, number: 0x0707_0707 as UInt32)]),
            L2TPv3Header(connection: 0, ns: 0, nr: 0), .udp,
            as: ControlConnection.LocalEnd(connection: 0x1234_5678, routerID: 1, hostName: "polyhub"), at: now
        )
        drain(&connection)
        for (index, message) in messages.enumerated() {
            let body = message.body
            var reader = ByteReader(body.rawSpan)
            try connection.receive(
                L2TPv3Header(connection: 0x1234_5678, ns: UInt16(index + 1), nr: 1), &reader, at: now)
            drain(&connection)
        }
        return connection
    }

    private func drain(_ connection: inout ControlConnection) {
        while let output = connection.nextOutput() {
            if output == .sessionRequested { connection.accept(sessionID: 0x2222, at: now) }
        }
    }

    private static let wire: [ControlMessage] = [
        ControlMessage(.SCCCN),
        ControlMessage(
            .ICRQ,
            [
                AVP(.localSessionID, number: 9 as UInt32), AVP(.pseudowireType, number: 5 as UInt16),
                AVP(.assignedCookie, [1, 2, 3, 4]),
            ]), ControlMessage(.ICCN),
    ]

    @Test func `a control connection goes on in whatever stage it is`() throws {
        var ended = try connection(Self.wire)
        ended.end(.shuttingDown, at: now)
        drain(&ended)
        for connection in try (0...3).map({ try connection(Array(Self.wire.prefix($0))) }) + [ended] {
            #expect(try expectToGoOn(connection).session == connection.session)
        }
    }

    @Test func `the octets of a control connection with a pseudowire`() throws {
        let sections = [
            // Both ids, over UDP, the IETF's AVPs, established; so is the call.
            "12345678 07070707 01 00 01 03",
            // What the peer wants, and our session id.
            "00000009 00000004 01020304 00 01 00002222",
            "0002 0004 01",
        ]
        let hex = try record(connection(Self.wire)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined()
        #expect(hex.hasPrefix(sections.joined().filter { $0 != " " }), "\(hex)")
    }
}

/// What travels as a record.
private protocol Recorded {
    associatedtype Output: Equatable
    var deadline: Instant? { get }
    init(parsing reader: inout ByteReader) throws(WireError)
    func serialize(into octets: inout [UInt8]) -> Bool
    mutating func handleTimeout(at now: Instant)
    mutating func nextOutput() -> Output?
}

extension Tunnel: Recorded {}
extension ControlConnection: Recorded {}
