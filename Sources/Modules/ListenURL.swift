/// Where a module listens, as plugins.conf writes it: `udp://0.0.0.0:1194`, `tcp://[::]:443`,
/// `ip://0.0.0.0:50`.
public struct ListenURL: Hashable, Sendable, CustomStringConvertible {
    public enum Scheme: String, Sendable, CaseIterable {
        case udp, tcp, tls
        /// Raw IP: what stands behind the colon is the protocol number.
        case ip
    }

    public let scheme: Scheme
    /// A numeric address, without brackets.
    public let address: String
    /// The port, or the protocol number of raw IP. Port 0 takes any free one.
    public let port: UInt16

    public static let accepted =
        "udp://ADDRESS:PORT, tcp://ADDRESS:PORT, tls://ADDRESS:PORT or ip://ADDRESS:PROTOCOL"

    public init?(_ text: String) {
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let scheme = Scheme(rawValue: String(parts[0])),
            let colon = parts[1].lastIndex(of: ":"),
            let port = UInt16(parts[1][parts[1].index(after: colon)...])
        else { return nil }
        var address = parts[1][..<colon]
        if address.first == "[", address.last == "]" { address = address.dropFirst().dropLast() }
        guard !address.isEmpty, scheme != .ip || (1...255).contains(port) else { return nil }
        self.scheme = scheme
        self.address = String(address)
        self.port = port
    }

    public var description: String {
        let host = address.contains(":") ? "[\(address)]" : address
        return "\(scheme.rawValue)://\(host):\(port)"
    }
}
