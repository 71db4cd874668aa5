/// The server as a whole, as `status` prints it.
public struct StatusReport: Codable, Hashable, Sendable {
    public var version: String
    public var pid: Int
    public var lanes: Int
    /// RFC 3339, UTC.
    public var since: String
    public var hubs: Int
    public var sessions: Int
    public var modules: Int
    public var framesForwarded: UInt64
    public var framesDropped: UInt64
    /// Log lines that were lost because the disk was too slow.
    public var logDropped: UInt64
    /// What modules count, as MODULE.NAME.
    public var metrics: [String: Int64] = [:]
    /// Calls of modules that broke a rule of the ABI and were refused.
    public var refusedCalls = 0

    public init(version: String, pid: Int, lanes: Int, since: String) {
        (self.version, self.pid, self.lanes, self.since) = (version, pid, lanes, since)
        (hubs, sessions, modules, framesForwarded, framesDropped, logDropped) = (0, 0, 0, 0, 0, 0)
    }
}

public struct Status: ControlRequest {
    public typealias Answer = StatusReport
    public static let method = "status"
    public init() {}
}

/// A readable file of everything that is state.
public struct Document: Codable, Hashable, Sendable {
    public var text: String
    public init(text: String) { self.text = text }
}

public struct Export: ControlRequest {
    public typealias Answer = Document
    public static let method = "export"
    public init() {}
}

/// A request line is bounded, a document is not so short: it goes in pieces, which the connection collects.
public struct ApplyPiece: ControlRequest {
    public typealias Answer = Done
    public static let method = "apply.piece"
    /// Bytes of the document's UTF-8 that a client puts into one piece.
    public static let length = 128 << 10
    public var text: String
    public init(text: String) { self.text = text }
}

/// Makes the state what the pieces that were sent on this connection say, or changes nothing.
public struct Apply: ControlRequest {
    public typealias Answer = ApplyReport
    public static let method = "apply"
    public init() {}
}

/// What an applied document changed, by name: `hub Office`, `user alice@Office`.
public struct ApplyReport: Codable, Hashable, Sendable {
    public var created: [String]
    public var changed: [String]
    public var deleted: [String]

    public init(created: [String] = [], changed: [String] = [], deleted: [String] = []) {
        self.created = created
        self.changed = changed
        self.deleted = deleted
    }
}

/// The last lines of a log; with `follow`, what is written afterwards comes as `log.line` notifications until
/// the next request on the connection, or its end.
public struct LogTail: ControlRequest {
    public typealias Answer = LogLines
    public static let method = "log.tail"
    public static let maximumLines = 10_000
    /// nil: the server's log, otherwise the security log of the hub.
    public var hub: String?
    public var lines: Int?
    public var follow: Bool?
    public init(hub: String? = nil, lines: Int? = nil, follow: Bool? = nil) {
        self.hub = hub
        self.lines = lines
        self.follow = follow
    }
}

public struct LogLines: Codable, Hashable, Sendable {
    public var lines: [String]
    public init(lines: [String]) { self.lines = lines }
}
