/// A module, as `module list` prints it. What earlier versions of it still have is counted in.
public struct ModuleRow: Codable, Hashable, Sendable {
    public var name: String
    public var version: String
    public var library: String
    /// `running` or `draining`.
    public var state: String
    public var listeners: [String]
    public var sessions: Int
    /// What the module counts, by the names that it gives.
    public var metrics: [String: Int64] = [:]
    /// Calls of the module that broke a rule of the ABI and were refused.
    public var refusedCalls = 0

    public init(
        name: String, version: String, library: String, state: String, listeners: [String], sessions: Int
    ) {
        self.name = name
        self.version = version
        self.library = library
        self.state = state
        self.listeners = listeners
        self.sessions = sessions
    }
}

public struct ModuleList: ControlRequest {
    public typealias Answer = [ModuleRow]
    public static let method = "module.list"
    public init() {}
}

public struct ModuleLoad: ControlRequest {
    public typealias Answer = ModuleRow
    public static let method = "module.load"
    public var module: String
    public init(module: String) { self.module = module }
}

public struct ModuleUnload: ControlRequest {
    public typealias Answer = Done
    public static let method = "module.unload"
    public var module: String
    /// How long its sessions may go on; left out, they are ended at once.
    public var drainSeconds: Int?
    public init(module: String, drainSeconds: Int? = nil) {
        self.module = module
        self.drainSeconds = drainSeconds
    }
}

public struct ModuleSwap: ControlRequest {
    public typealias Answer = SwapReport
    public static let method = "module.swap"
    public var module: String
    public var library: String
    /// How long connections that cannot be carried over may go on; left out, ten minutes.
    public var drainSeconds: Int?
    public init(module: String, library: String, drainSeconds: Int? = nil) {
        self.module = module
        self.library = library
        self.drainSeconds = drainSeconds
    }
}

/// What became of the connections when a module was swapped.
public struct SwapReport: Codable, Hashable, Sendable {
    /// Of one lane.
    public struct Lane: Codable, Hashable, Sendable {
        public var lane: Int
        /// Connections that go on in the new library.
        public var carried: Int
        /// Those that the new library refused: they stay with the old one until they end.
        public var draining: Int
        /// Between how many turns of the lane the work was divided.
        public var pauses: Int
        /// How long the longest of them took.
        public var longestPauseMicroseconds: Int

        public init(lane: Int, carried: Int, draining: Int, pauses: Int, longestPauseMicroseconds: Int) {
            self.lane = lane
            self.carried = carried
            self.draining = draining
            self.pauses = pauses
            self.longestPauseMicroseconds = longestPauseMicroseconds
        }
    }

    public var module: String
    /// The versions of the libraries.
    public var from: String
    public var to: String
    /// In the order in which they were changed.
    public var lanes: [Lane]

    public init(module: String, from: String, to: String, lanes: [Lane]) {
        self.module = module
        self.from = from
        self.to = to
        self.lanes = lanes
    }
}

/// Calls one of the functions that a module offers to administrators.
public struct ModuleCall: ControlRequest {
    public typealias Answer = CommandOutput
    public static let method = "module.call"
    public var module: String
    /// Empty: which commands there are, with their help.
    public var command: String
    public var arguments: [String]
    public init(module: String, command: String, arguments: [String]) {
        self.module = module
        self.command = command
        self.arguments = arguments
    }
}

/// What a module's command gave, to be printed as it is.
public struct CommandOutput: Codable, Hashable, Sendable {
    public var output: String
    public init(output: String) { self.output = output }
}
