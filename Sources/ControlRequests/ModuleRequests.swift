/// A module, as `module list` prints it: one row for each generation that is still there.
public struct ModuleRow: Codable, Hashable, Sendable {
    public var name: String
    public var version: String
    public var library: String
    /// `running`, `draining`, `stopped`.
    public var state: String
    public var listeners: [String]
    public var sessions: Int

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
    public init(module: String, library: String) {
        self.module = module
        self.library = library
    }
}

/// What became of the sessions when a module was swapped.
public struct SwapReport: Codable, Hashable, Sendable {
    public var module: ModuleRow
    public var moved: Int
    /// Those that the new library refused: they stay with the old one until they end.
    public var draining: Int

    public init(module: ModuleRow, moved: Int, draining: Int) {
        self.module = module
        self.moved = moved
        self.draining = draining
    }
}

/// Calls one of the functions that a module offers to administrators.
public struct ModuleCall: ControlRequest {
    public typealias Answer = CommandOutput
    public static let method = "module.call"
    public var module: String
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
