/// One instance of a module. Several may live at once, while one is swapped for another.
///
/// Made, started and stopped on control threads; `makeLane` is called on every lane, at the same time. So
/// what it shares with its lanes is constant or behind a lock.
public protocol PacketAdapter: AnyObject, Sendable {
    static var descriptor: ModuleDescriptor { get }
    /// What this module offers the host; the calls of all others are never made. Options and commands are
    /// offered where there are any.
    static var capabilities: Capabilities { get }
    /// What the host must have; without it `start` is refused before the module sees it.
    static var needs: Capabilities { get }
    /// What the module's section of plugins.conf may hold.
    static var options: [OptionDeclaration] { get }
    /// Versions of handover records that it reads; it writes the newest. Only asked with
    /// `Capabilities.handover`.
    static var handoverVersions: ClosedRange<UInt32> { get }

    /// [control]
    init(host: HostServices) throws
    /// Asked once, after `init`.
    var commands: [Command] { get }
    /// [control] Reads the options, declares metrics, makes keys. Listeners open only after every lane was
    /// made.
    func start() throws
    /// [lane] Once for each lane, `index` of `count`, before any other call on it.
    func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter
    /// [control] How a listener of plugins.conf shall be pinned to lanes.
    func pinning(of listener: String) -> Pinning
    /// [control] Live options have changed. An error keeps the old ones.
    func optionsChanged() throws
    /// [control] The server's certificate was replaced.
    func certificateChanged() throws
    /// [control] Hubs or users have other pre-shared keys.
    func preSharedKeysChanged() throws
    /// [control] After every lane was left.
    func stop()
}

extension PacketAdapter {
    public static var needs: Capabilities { [] }
    public static var options: [OptionDeclaration] { [] }
    public static var handoverVersions: ClosedRange<UInt32> { 1...1 }
    public var commands: [Command] { [] }
    public func start() throws {}
    public func pinning(of listener: String) -> Pinning { .flow }
    public func optionsChanged() throws {}
    public func certificateChanged() throws {}
    public func preSharedKeysChanged() throws {}
    public func stop() {}
}

/// How the flows of a datagram listener are pinned to lanes.
public enum Pinning: UInt32, Sendable {
    /// By remote address and port.
    case flow = 1
    /// By remote address alone.
    case source = 2
}
