internal import PluginABI

/// What a call of the host came to (`pa_status`). Values without a name are errors too.
public struct Status: RawRepresentable, Hashable, Error, Sendable {
    public let rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let ok = Status(rawValue: 0)
    /// A value outside of what the function accepts.
    public static let argument = Status(rawValue: -1)
    /// Called on a thread that the function does not name.
    public static let thread = Status(rawValue: -2)
    /// A handle that is stale, closed or another module's.
    public static let handle = Status(rawValue: -3)
    /// A bound is reached; the thing was not done.
    public static let limit = Status(rawValue: -4)
    /// Not now: before start, after stop, twice.
    public static let state = Status(rawValue: -5)
    /// This host or this machine cannot.
    public static let unsupported = Status(rawValue: -6)
    /// The operating system refused; the log says what.
    public static let system = Status(rawValue: -7)
    /// The other side decided against it.
    public static let refused = Status(rawValue: -8)

    @inlinable public var isOK: Bool { rawValue == 0 }

    func check() throws(Status) {
        if !isOK { throw self }
    }
}

extension Status: CustomStringConvertible {
    private static let names: [Int32: String] = [
        PA_OK: "done", PA_ERROR_ARGUMENT: "the argument is not acceptable", PA_ERROR_THREAD: "wrong thread",
        PA_ERROR_HANDLE: "stale or foreign handle", PA_ERROR_LIMIT: "a bound is reached",
        PA_ERROR_STATE: "not in this state", PA_ERROR_UNSUPPORTED: "the server cannot do that",
        PA_ERROR_SYSTEM: "the operating system refused", PA_ERROR_REFUSED: "refused",
    ]

    public var description: String { Self.names[rawValue] ?? "error \(rawValue)" }
}

/// Why a module cannot do what it was asked, in one sentence for the administrator.
public struct ModuleFailure: Error, CustomStringConvertible {
    public let sentence: String
    /// What the host is told beside the sentence.
    public let status: Status

    public init(_ sentence: String, status: Status = .refused) {
        self.sentence = sentence
        self.status = status
    }

    public var description: String { sentence }
}
