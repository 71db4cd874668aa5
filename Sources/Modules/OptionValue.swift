/// A value of plugins.conf that a module's option can have.
public enum OptionValue: Equatable, Sendable {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case strings([String])

    var typeName: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .boolean: "true or false"
        case .strings: "a list of strings"
        }
    }
}
