internal import PluginABI

/// What a module says about itself before anything of it is started.
public struct ModuleDescriptor: Sendable {
    /// Reverse domain: "org.example.wire".
    public var id: String
    /// One word, the default name of its section in plugins.conf.
    public var name: String
    public var version: String
    public var vendor: String
    /// One sentence for people.
    public var summary: String
    /// URLs of the listeners that apply where plugins.conf names none.
    public var defaultListeners: [String]

    public init(
        id: String, name: String, version: String, vendor: String = "Polyhub", summary: String,
        defaultListeners: [String] = []
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.vendor = vendor
        self.summary = summary
        self.defaultListeners = defaultListeners
    }
}

/// The capabilities that a Swift module can use or offer.
public struct Capabilities: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let datagrams = Capabilities(rawValue: 1 << 0)
    public static let streams = Capabilities(rawValue: 1 << 1)
    public static let sessions = Capabilities(rawValue: 1 << 2)
    public static let authentication = Capabilities(rawValue: 1 << 3)
    public static let timers = Capabilities(rawValue: 1 << 4)
    public static let certificates = Capabilities(rawValue: 1 << 5)
    public static let options = Capabilities(rawValue: 1 << 6)
    public static let store = Capabilities(rawValue: 1 << 7)
    public static let log = Capabilities(rawValue: 1 << 8)
    public static let metrics = Capabilities(rawValue: 1 << 9)
    public static let commands = Capabilities(rawValue: 1 << 10)
    public static let handover = Capabilities(rawValue: 1 << 11)
    public static let permissions = Capabilities(rawValue: 1 << 12)
    public static let passwords = Capabilities(rawValue: 1 << 13)
    public static let preSharedKeys = Capabilities(rawValue: 1 << 14)
    public static let ipv6 = Capabilities(rawValue: 1 << 15)

    static let ids: [(id: String, capability: Capabilities)] = [
        (PA_DATAGRAM, .datagrams), (PA_STREAM, .streams), (PA_SESSION, .sessions), (PA_AUTH, .authentication),
        (PA_TIMER, .timers), (PA_CERTIFICATE, .certificates), (PA_OPTION, .options), (PA_STORE, .store),
        (PA_LOG, .log), (PA_METRIC, .metrics), (PA_COMMAND, .commands), (PA_HANDOVER, .handover),
        (PA_PERMISSION, .permissions), (PA_PASSWORD, .passwords), (PA_PSK, .preSharedKeys),
        (PA_IPV6, .ipv6),
    ]

    /// The ids of the members, for a sentence.
    var names: String {
        Self.ids.filter { contains($0.capability) }.map(\.id).joined(separator: ", ")
    }
}
