/// Why a policy keeps a frame from being forwarded.
public enum Denial: Int, CaseIterable, Sendable {
    case dhcpServer
    case router
    /// Somebody else uses the MAC address that it comes from.
    case foreignMAC
    /// Somebody else uses the IP address that it claims or comes from.
    case foreignAddress
    /// ARP or neighbour discovery in another's name.
    case forgedSender
    case macLimit
    case addressLimit
    /// It hides what it is behind more headers than anybody needs.
    case unreadable
    /// It comes from somebody who listens, and may send nothing.
    case monitor

    /// For logs and tables.
    public var name: String {
        switch self {
        case .dhcpServer: "dhcp-server"
        case .router: "router"
        case .foreignMAC: "foreign-mac"
        case .foreignAddress: "foreign-address"
        case .forgedSender: "forged-sender"
        case .macLimit: "mac-limit"
        case .addressLimit: "address-limit"
        case .unreadable: "unreadable"
        case .monitor: "monitor"
        }
    }
}

/// How many frames of one session were denied, by reason.
public struct DenialCounts: Equatable, Sendable {
    private var counts: [Int] = []

    public init() {}

    public subscript(denial: Denial) -> Int { counts.isEmpty ? 0 : counts[denial.rawValue] }
    public var total: Int { counts.reduce(0, +) }
    /// Those that occurred.
    public var all: [(denial: Denial, count: Int)] {
        Denial.allCases.compactMap { self[$0] > 0 ? ($0, self[$0]) : nil }
    }

    public mutating func add(_ denial: Denial) {
        if counts.isEmpty { counts = Array(repeating: 0, count: Denial.allCases.count) }
        counts[denial.rawValue] &+= 1
    }
}
