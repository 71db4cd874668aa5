/// One thing that an administrator may say of a user, a group or a hub. All of them are positive: a client
/// may do nothing but be a host until somebody says otherwise, and limits say how much.
public enum PolicySetting: String, CaseIterable, Sendable {
    // What a client may be beside a host.
    case dhcpServer = "dhcp-server"
    case router
    case bridge
    case monitor
    // Which addresses are the client's.
    case takeOver = "take-over"
    case chooseAddress = "choose-address"
    // What a user may change of himself.
    case changePassword = "change-password"
    // How much one session may have.
    case macs
    case addresses
    case broadcasts
    // How much one user may have.
    case sessions

    public enum Kind: Equatable, Sendable {
        /// `yes` or `no`.
        case permission
        case limit(ClosedRange<Int>)
    }

    public var kind: Kind {
        switch self {
        case .dhcpServer, .router, .bridge, .monitor, .takeOver, .chooseAddress, .changePassword: .permission
        case .macs, .addresses, .sessions: .limit(1...65_535)
        case .broadcasts: .limit(1...1_000_000)
        }
    }

    /// What counts where nobody has said anything; of a permission 1 or 0.
    public var standard: Int {
        switch self {
        case .dhcpServer, .router, .bridge, .monitor, .takeOver: 0
        case .chooseAddress, .changePassword: 1
        // A thousand such clients fill neither the forwarding table nor the address book of a hub.
        case .macs, .addresses: 64
        case .broadcasts: 1000
        case .sessions: 65_535
        }
    }

    /// For people, in one line.
    public var help: String {
        switch self {
        case .dhcpServer: "may answer as a DHCP server"
        case .router: "may advertise itself as a router and pass on packets of others"
        case .bridge: "may join a network to the hub, where the protocol has a word for that (SoftEther)"
        case .monitor: "may be given all frames of the hub, where the protocol can (SoftEther)"
        case .takeOver: "may take over addresses that somebody else uses"
        case .chooseAddress: "may ask for a certain address"
        case .changePassword: "may change the own password, where the protocol can (SoftEther)"
        case .macs: "MAC addresses of one session"
        case .addresses: "IP addresses of one session"
        case .broadcasts: "frames a second that one session may have flooded"
        case .sessions: "sessions of one user at once"
        }
    }

    /// As a person would write it.
    func text(_ value: Int) -> String {
        switch kind {
        case .permission: value == 0 ? "no" : "yes"
        case .limit: "\(value)"
        }
    }

    /// Nil for what is not accepted.
    func value(_ text: some StringProtocol) -> Int? {
        switch kind {
        case .permission: ["no": 0, "yes": 1][String(text)]
        case .limit(let range): Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// What would be accepted, for a refusal.
    var accepted: String {
        switch kind {
        case .permission: "yes or no"
        case .limit(let range): "\(range.lowerBound) to \(range.upperBound)"
        }
    }
}
