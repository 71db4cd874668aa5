/// Why a module, or something asked of one, was refused: a sentence that names the thing and what would be
/// accepted.
public enum ModuleFault: Error, Equatable, CustomStringConvertible {
    /// The library cannot be loaded at all.
    case library(String)
    /// Its descriptor is not one that this server can accept.
    case descriptor(String)
    /// The module itself refused, in its own words.
    case refusedByModule(String)
    /// plugins.conf or an option is wrong.
    case configuration(String)
    /// A command or its arguments are wrong.
    case command(String)
    /// There is no such module, or it is in the wrong state.
    case unknown(String)

    public var description: String {
        switch self {
        case .library(let why), .refusedByModule(let why), .configuration(let why), .command(let why),
            .unknown(let why):
            why
        case .descriptor(let why): "this is not a module for this server: \(why)"
        }
    }
}
