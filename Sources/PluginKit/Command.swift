internal import PluginABI

/// The types of a command's arguments and result.
public enum CommandType: UInt32, Sendable {
    case nothing = 0
    case string = 1
    case integer = 2
    case double = 3
    case boolean = 4
}

/// One value of a command: an argument, or its result.
public enum CommandValue: Sendable, Equatable {
    case nothing
    case string(String)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)

    var type: CommandType {
        switch self {
        case .nothing: .nothing
        case .string: .string
        case .integer: .integer
        case .double: .double
        case .boolean: .boolean
        }
    }
}

/// An administrative function of a module: `polyhubctl module call NAME COMMAND [ARG...]`. The host sees a C
/// function of exactly the declared signature.
public struct Command {
    /// One declared argument.
    public struct Argument: Sendable {
        public var name: String
        public var type: CommandType
        public var help: String

        public static func string(_ name: String, _ help: String) -> Self {
            Self(name: name, type: .string, help: help)
        }
        public static func integer(_ name: String, _ help: String) -> Self {
            Self(name: name, type: .integer, help: help)
        }
        public static func double(_ name: String, _ help: String) -> Self {
            Self(name: name, type: .double, help: help)
        }
        public static func boolean(_ name: String, _ help: String) -> Self {
            Self(name: name, type: .boolean, help: help)
        }
    }

    public let name: String
    /// One sentence.
    public let help: String
    public let arguments: [Argument]
    public let result: CommandType
    let body: (CommandArguments) throws -> CommandValue

    /// [control] `body` gets values of the declared types and returns one of type `result`; what it throws
    /// is told to the administrator. At most `PA_COMMAND_ARGUMENTS` arguments.
    public init(
        _ name: String, help: String, arguments: [Argument] = [], result: CommandType,
        body: @escaping (CommandArguments) throws -> CommandValue
    ) {
        precondition(arguments.count <= Int(PA_COMMAND_ARGUMENTS), "a command takes at most 8 arguments")
        precondition(arguments.allSatisfy { $0.type != .nothing }, "an argument is something")
        self.name = name
        self.help = help
        self.arguments = arguments
        self.result = result
        self.body = body
    }
}

/// The arguments of one call, in the order and of the types of the declaration; asking for another type is a
/// fault of the module.
public struct CommandArguments: Sendable {
    let values: [CommandValue]

    public func string(_ index: Int) -> String {
        guard case .string(let value) = values[index] else { preconditionFailure("not declared as a string") }
        return value
    }

    public func integer(_ index: Int) -> Int64 {
        guard case .integer(let value) = values[index] else {
            preconditionFailure("not declared as an integer")
        }
        return value
    }

    public func double(_ index: Int) -> Double {
        guard case .double(let value) = values[index] else { preconditionFailure("not declared as a double") }
        return value
    }

    public func boolean(_ index: Int) -> Bool {
        guard case .boolean(let value) = values[index] else {
            preconditionFailure("not declared as a boolean")
        }
        return value
    }
}
