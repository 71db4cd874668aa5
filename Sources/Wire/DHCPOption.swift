/// The number of a DHCP option, RFC 2132 and IANA "BOOTP Vendor Extensions and DHCP Options".
/// Unknown values are kept.
public struct DHCPOptionCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let pad = DHCPOptionCode(rawValue: 0)
    public static let subnetMask = DHCPOptionCode(rawValue: 1)
    public static let router = DHCPOptionCode(rawValue: 3)
    public static let domainNameServer = DHCPOptionCode(rawValue: 6)
    public static let hostName = DHCPOptionCode(rawValue: 12)
    public static let domainName = DHCPOptionCode(rawValue: 15)
    public static let interfaceMTU = DHCPOptionCode(rawValue: 26)
    public static let broadcastAddress = DHCPOptionCode(rawValue: 28)
    public static let netBIOSNameServer = DHCPOptionCode(rawValue: 44)
    public static let requestedAddress = DHCPOptionCode(rawValue: 50)
    public static let leaseTime = DHCPOptionCode(rawValue: 51)
    public static let overload = DHCPOptionCode(rawValue: 52)
    public static let messageType = DHCPOptionCode(rawValue: 53)
    public static let serverIdentifier = DHCPOptionCode(rawValue: 54)
    public static let parameterRequestList = DHCPOptionCode(rawValue: 55)
    public static let message = DHCPOptionCode(rawValue: 56)
    public static let maximumMessageSize = DHCPOptionCode(rawValue: 57)
    /// T1.
    public static let renewalTime = DHCPOptionCode(rawValue: 58)
    /// T2.
    public static let rebindingTime = DHCPOptionCode(rawValue: 59)
    public static let vendorClass = DHCPOptionCode(rawValue: 60)
    public static let clientIdentifier = DHCPOptionCode(rawValue: 61)
    /// RFC 3442.
    public static let classlessStaticRoutes = DHCPOptionCode(rawValue: 121)
    public static let end = DHCPOptionCode(rawValue: 255)
}

/// One option as it came, its parts joined (RFC 3396).
public struct DHCPOption: Equatable, Sendable {
    public var code: DHCPOptionCode
    public var value: [UInt8]

    public init(_ code: DHCPOptionCode, _ value: [UInt8]) {
        self.code = code
        self.value = value
    }
}
