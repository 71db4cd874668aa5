/// What one session may do, compiled from what was said of its user, the user's group and the hub. It says
/// nothing about who may come in, which is the accounts' business, and holds no state.
public struct Policy: Hashable, Sendable {
    public let mayServeDHCP: Bool
    /// May advertise itself as a router, and send packets of others.
    public let mayRoute: Bool
    /// May join a network of its own to the hub, where its protocol asks for that.
    public let mayBridge: Bool
    /// May be given all frames of the hub, where its protocol asks for that.
    public let mayMonitor: Bool
    /// May take over addresses that somebody else uses.
    public let mayTakeOver: Bool
    /// Its wish for an address is passed on.
    public let mayChooseAddress: Bool
    public let mayChangePassword: Bool
    public let maxMACs: Int
    public let maxAddresses: Int
    /// Frames a second that are flooded for it.
    public let floodRate: UInt64
    /// Of the user, at once.
    public let maxSessions: Int

    /// - Parameter levels: the one that counts most first: user, group, hub.
    public init(_ levels: [PolicySettings] = []) {
        let settings = PolicySettings(inEffect: levels)
        func value(_ setting: PolicySetting) -> Int { settings[setting] ?? setting.standard }
        mayServeDHCP = value(.dhcpServer) != 0
        mayRoute = value(.router) != 0
        mayBridge = value(.bridge) != 0
        mayMonitor = value(.monitor) != 0
        mayTakeOver = value(.takeOver) != 0
        mayChooseAddress = value(.chooseAddress) != 0
        mayChangePassword = value(.changePassword) != 0
        maxMACs = value(.macs)
        maxAddresses = value(.addresses)
        floodRate = UInt64(value(.broadcasts))
        maxSessions = value(.sessions)
    }

    /// Of a client of whom nothing was said.
    public static let standard = Policy()
}
