import Wire

/// The AVPs of RFC 3931, or those that Cisco's routers used before there was one. A peer is answered in the
/// dialect of its first message.
enum Dialect: Sendable {
    case ietf
    case cisco

    init(_ request: ControlMessage) {
        self = request.first(.assignedControlConnectionID) == nil ? .cisco : .ietf
    }

    /// Cisco's numbers (vendor 9).
    private static let table: [(ietf: AVPType, cisco: UInt16)] = [
        (.assignedControlConnectionID, 1), (.pseudowireCapabilities, 2), (.localSessionID, 3),
        (.remoteSessionID, 4), (.assignedCookie, 5), (.remoteEndID, 6), (.pseudowireType, 7),
        (.circuitStatus, 8),
    ]
    /// Tie breaker, draft AVP version, the digest and its nonce, and the MTU: said, but nothing that must be
    /// understood.
    private static let otherCisco: ClosedRange<UInt16> = 9...15

    /// Nil where Cisco's routers use the IETF's.
    private static func ciscoType(_ type: AVPType) -> AVPType? {
        table.first { $0.ietf == type }.map { AVPType(rawValue: $0.cisco) }
    }

    /// Whether an AVP that must be understood is.
    static func knows(_ avp: AVP) -> Bool {
        switch avp.vendor {
        case .ietf: avp.type.rawValue <= 39 || (58...78).contains(avp.type.rawValue)
        case .cisco:
            table.contains { $0.cisco == avp.type.rawValue } || otherCisco.contains(avp.type.rawValue)
        default: false
        }
    }

    func first(_ type: AVPType, _ message: ControlMessage) -> AVP? {
        if self == .cisco, let own = Self.ciscoType(type), let avp = message.first(own, .cisco) { return avp }
        return message.first(type)
    }

    func required<T: FixedWidthInteger & UnsignedInteger>(
        _ type: AVPType, _ message: ControlMessage
    ) throws(WireError) -> T {
        guard let avp = first(type, message) else { throw .badValue }
        return try avp.number()
    }

    func avp<T: FixedWidthInteger>(_ type: AVPType, number: T) -> AVP {
        var value: [UInt8] = []
        value.appendBigEndian(number)
        return avp(type, value)
    }

    private func avp(_ type: AVPType, _ value: [UInt8]) -> AVP {
        guard self == .cisco, let own = Self.ciscoType(type) else { return AVP(type, value) }
        return AVP(own, value, vendor: .cisco)
    }

    /// Who we are and what we can, in SCCRP.
    func identity(of local: ControlConnection.LocalEnd) -> [AVP] {
        let kinds = [ControlConnection.ethernetPort, ControlConnection.ethernetVLAN]
        var capabilities: [UInt8] = []
        for kind in kinds { capabilities.appendBigEndian(kind) }
        return [
            AVP(.hostName, Array(local.hostName.utf8)), AVP(.routerID, number: local.routerID),
            avp(.assignedControlConnectionID, number: local.connection),
            avp(.pseudowireCapabilities, capabilities),
            AVP(.receiveWindowSize, number: ReliableChannel.ownWindow),
        ]
    }
}
