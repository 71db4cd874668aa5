/// One request that the server answers: its method's name, its parameters (the type itself) and its answer.
/// JSON-RPC 2.0 carries them, one JSON text a line, over the Unix socket in the state directory.
public protocol ControlRequest: Codable, Sendable {
    associatedtype Answer: Codable & Sendable
    static var method: String { get }
}

/// The answer of a request that has nothing to say but that it is done.
public struct Done: Codable, Hashable, Sendable {
    public init() {}
}

/// Why the server refused a request: a sentence that names the thing and what would be accepted.
public struct ControlError: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    public struct Code: RawRepresentable, Codable, Hashable, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        // JSON-RPC 2.0 §5.1
        public static let parseError = Code(rawValue: -32700)
        public static let invalidRequest = Code(rawValue: -32600)
        public static let methodNotFound = Code(rawValue: -32601)
        public static let invalidParams = Code(rawValue: -32602)
        public static let internalError = Code(rawValue: -32603)
        // Ours
        public static let unknown = Code(rawValue: 1)
        public static let exists = Code(rawValue: 2)
        public static let invalid = Code(rawValue: 3)
        public static let storage = Code(rawValue: 4)
        /// It cannot be done as things are.
        public static let refused = Code(rawValue: 5)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// It cannot be done as things are.
    public init(_ message: String) { self.init(.refused, message) }

    public var description: String { message }
}
