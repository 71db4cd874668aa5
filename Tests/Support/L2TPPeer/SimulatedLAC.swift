package import PPPPeer
package import Wire

@testable package import L2TP
@testable import PPP

/// A client of L2TPv2 (RFC 2661, as the LAC) with PPP in its sessions, and a transcript. Its datagrams stand
/// behind their UDP header; no timers of its own.
package class SimulatedLAC {
    package static let tunnelID: UInt16 = 0x0707

    package let port: UInt16
    /// Where datagrams go.
    package var transmit: ([UInt8]) throws -> Void = { _ in }
    package var now: () -> Instant
    /// What stands in data's header besides the ids.
    package var hasLength = false
    package var hasNumbers = false
    package var offset: UInt16?
    package var ns: UInt16 = 0
    package private(set) var nr: UInt16 = 0
    /// The server's ids.
    package private(set) var tunnel: UInt16 = 0
    package private(set) var sessions: [UInt16: UInt16] = [:]
    package private(set) var links: [UInt16: SimulatedPeer] = [:]
    package private(set) var transcript: [String] = []
    package private(set) var results: [[UInt8]] = []
    /// Headers of the data that came.
    package private(set) var headers: [L2TPHeader] = []
    /// IP packets that came.
    package private(set) var packets: [[UInt8]] = []

    package init(port: UInt16 = 1701, now: @escaping () -> Instant) {
        self.port = port
        self.now = now
    }

    package func wrap(_ payload: [UInt8]) -> [UInt8] {
        var datagram: [UInt8] = []
        datagram.appendBigEndian(port)
        datagram.appendBigEndian(UInt16(1701))
        datagram.appendBigEndian(UInt16(8 + payload.count))
        datagram.appendBigEndian(UInt16(0))
        return datagram + payload
    }

    // MARK: Control

    package func send(_ message: ControlMessage, session: UInt16 = 0) throws {
        transcript.append("\(message.type.name) -->")
        var octets: [UInt8] = []
        L2TPHeader(
            isControl: true, tunnel: tunnel, session: session, numbers: L2TPHeader.Numbers(ns: ns, nr: nr)
        ).serialize(into: &octets, bodyLength: message.body.count)
        ns &+= 1
        try transmit(wrap(octets + message.body))
    }

    /// A datagram from the server; one for another port is not looked at.
    package func receive(_ datagram: [UInt8]) throws {
        guard datagram.prefix(4) == [0x06, 0xa5, UInt8(port >> 8), UInt8(port & 0xff)] else { return }
        var input = ByteReader(datagram.rawSpan)
        _ = try input.take(8)
        let header = try L2TPHeader(parsing: &input)
        precondition(header.tunnel == Self.tunnelID, "a tunnel of somebody else")
        guard header.isControl else {
            headers.append(header)
            return try receive(frame: input.rest(), header.session)
        }
        guard input.remaining > 0 else { return }
        let message = try ControlMessage(parsing: &input)
        transcript.append("<-- \(message.type.name)")
        nr = (header.numbers?.ns ?? 0) &+ 1
        switch message.type {
        case .SCCRP: tunnel = try message.required(.assignedTunnelID)
        case .ICRP: sessions[header.session] = try message.required(.assignedSessionID)
        case .CDN, .StopCCN: results.append(message.first(.resultCode)?.value ?? [])
        default: break
        }
    }

    package static let request = ControlMessage(
        .SCCRQ,
        [
            AVP(.protocolVersion, [1, 0]), AVP(.hostName, Array("phone".utf8)),
            AVP(.framingCapabilities, number: 3 as UInt32), AVP(.assignedTunnelID, number: tunnelID),
        ])

    package func open() throws {
        try send(Self.request)
        try send(ControlMessage(.SCCCN))
    }

    /// PPP in a session of its own, as far as it comes.
    package func call(
        _ session: UInt16 = 100, _ options: SimulatedPeer.Options = .init(), connected: [AVP] = []
    ) throws {
        try send(ControlMessage(.ICRQ, [AVP(.assignedSessionID, number: session)]))
        guard let remote = sessions[session] else { return }
        links[session] = SimulatedPeer(options)
        links[session]?.start(at: now())
        try send(ControlMessage(.ICCN, connected), session: remote)
        try drain(session)
    }

    package func connect(_ options: SimulatedPeer.Options = .init()) throws {
        try open()
        try call(100, options)
    }

    // MARK: Data

    private func receive(frame: [UInt8], _ session: UInt16) throws {
        if let header = PPPHeader(frame.rawSpan), header.protocol == .ipv4 {
            return packets.append(Array(frame.dropFirst(header.length)))
        }
        links[session]?.receive(frame, at: now())
        try drain(session)
    }

    package func hangUp(_ session: UInt16) throws {
        links[session]?.close(at: now())
        try drain(session)
    }

    private func drain(_ session: UInt16) throws {
        while let output = links[session]?.nextOutput() {
            guard case .send(let frame) = output else { continue }
            try transmit(datagram(frame: frame, session))
        }
    }

    /// What carries a PPP frame in a session of ours.
    package func datagram(frame: [UInt8], _ session: UInt16) -> [UInt8] {
        var body: [UInt8] = []
        body.appendBigEndian(tunnel)
        body.appendBigEndian(sessions[session] ?? 0)
        if hasNumbers { body += [0, 1, 0, 0] }
        if let offset {
            body.appendBigEndian(offset)
            body += [UInt8](repeating: 0xee, count: Int(offset))
        }
        var flags: UInt16 = 2
        if hasLength { flags |= 0x4000 }
        if hasNumbers { flags |= 0x0800 }
        if offset != nil { flags |= 0x0200 }
        var octets: [UInt8] = []
        octets.appendBigEndian(flags)
        if hasLength { octets.appendBigEndian(UInt16(4 + body.count + frame.count)) }
        return wrap(octets + body + frame)
    }
}
