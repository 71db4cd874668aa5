/// What a packet is: the high five bits of its first octet; the low three are the key id (openvpn-rfc,
/// "Packet format"). 1 and 2, the resets of key method 1, are not spoken any more.
public enum Opcode: UInt8, Sendable, CaseIterable {
    case softReset = 3
    case control = 4
    case acknowledgement = 5
    case dataV1 = 6
    case hardResetClientV2 = 7
    case hardResetServerV2 = 8
    case dataV2 = 9
    case hardResetClientV3 = 10
    /// The first control packet of a tls-crypt-v2 client that was asked to send its wrapped key again.
    case controlWKc = 11

    public init?(firstOctet: UInt8) { self.init(rawValue: firstOctet >> 3) }

    public var isData: Bool { self == .dataV1 || self == .dataV2 }

    /// The first packet of a client that has no session yet.
    public var isClientReset: Bool { self == .hardResetClientV2 || self == .hardResetClientV3 }

    /// Whether a wrapped key follows the packet.
    public var carriesWrappedKey: Bool { self == .hardResetClientV3 || self == .controlWKc }
}

/// Names one TLS session and its data keys within a connection: 0 the first time, then 1...7 round and round.
public struct KeyID: Hashable, Sendable {
    public let rawValue: UInt8

    /// Only the low three bits count.
    public init(_ bits: UInt8) { rawValue = bits & 7 }

    public static let first = KeyID(0)

    public var next: KeyID { KeyID(rawValue == 7 ? 1 : rawValue + 1) }
}

/// Chosen at random by each side (by a server over UDP: computed, see `SessionCookie`) for the life of a
/// connection.
public struct SessionID: Hashable, Sendable {
    public let rawValue: UInt64
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
