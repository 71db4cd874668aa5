import CLinux
public import PluginABI

/// A numeric transport address, as text `192.0.2.1:1194`, `[2001:db8::1]:443` or `[fe80::1%eth0]:500`.
/// It resolves no names. The port is zero for raw IP, and asks for any free port where a socket is opened.
public struct Endpoint: Sendable {
    /// `PA_FAMILY_IPV4` and `PA_FAMILY_IPV6`, which Swift does not import.
    static let familyIPv4: UInt8 = 4
    static let familyIPv6: UInt8 = 6

    /// The same in the form that crosses the ABI.
    public var address: pa_address_v1

    public init(_ address: pa_address_v1) { self.address = address }

    public init?(host: String, port: UInt16) {
        var parsed = pa_address_v1()
        guard unsafe clinux_address_parse(host, &parsed) == 0 else { return nil }
        parsed.port = port
        address = parsed
    }

    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    public var port: UInt16 { address.port }
    public var isIPv4: Bool { address.family == Endpoint.familyIPv4 }

    /// The address alone, without port and brackets.
    public var host: String {
        var copy = address
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 80) { room in
            guard unsafe clinux_address_text(&copy, room.baseAddress, Int32(room.count)) == 0 else {
                return "-"
            }
            return unsafe String(cString: room.baseAddress!)
        }
    }

    /// What one customer has, without the port: an IPv4 address, or the first 64 bits of an IPv6 one. Limits
    /// count by it.
    public var source: Endpoint {
        var copy = with(port: 0)
        guard !isIPv4 else { return copy }
        copy.address.scope = 0
        unsafe withUnsafeMutableBytes(of: &copy.address.octets) { octets in
            for index in 8..<octets.count { unsafe octets[index] = 0 }
        }
        return copy
    }

    func with(port: UInt16) -> Endpoint {
        var copy = self
        copy.address.port = port
        return copy
    }

    private var words: (UInt64, UInt64, UInt64) {
        unsafe unsafeBitCast(address, to: (UInt64, UInt64, UInt64).self)
    }
}

extension Endpoint: Hashable {
    public static func == (a: Endpoint, b: Endpoint) -> Bool { a.words == b.words }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
