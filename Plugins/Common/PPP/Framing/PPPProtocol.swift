/// What a PPP frame carries, RFC 1661 §2. Numbers without a name are kept.
public struct PPPProtocol: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let ipv4 = PPPProtocol(rawValue: 0x0021)
    public static let ipv6 = PPPProtocol(rawValue: 0x0057)
    public static let ipcp = PPPProtocol(rawValue: 0x8021)
    public static let ipv6cp = PPPProtocol(rawValue: 0x8057)
    public static let lcp = PPPProtocol(rawValue: 0xc021)
    public static let pap = PPPProtocol(rawValue: 0xc023)
    public static let chap = PPPProtocol(rawValue: 0xc223)
    public static let eap = PPPProtocol(rawValue: 0xc227)
}
