import PluginABI

/// What a module declares, as far as it is well formed, and what is not.
public struct ModuleDeclarations: Sendable {
    public struct Option: Sendable {
        public let key: String
        /// PA_OPTION_*.
        public let type: UInt32
        public let fallback: String?
        public let range: ClosedRange<Int64>
    }

    public struct Command: Sendable {
        public let name: String
        /// PA_TYPE_* of its arguments.
        public let types: [UInt32]
    }

    /// The ids of its capability tables.
    public var capabilities: [String] = []
    public var options: [Option] = []
    public var commands: [Command] = []
    /// A sentence for each declaration that is malformed.
    public var faults: [String] = []
}

/// What only those need who examine modules.
extension ModuleRegistry {
    /// Loads the module of a section from an image that is open already. A Swift image is never unmapped, so
    /// whoever starts such a module many times does it from one.
    public func load(_ name: String, from image: ModuleImage) async throws {
        try await runtime.control.perform { [self] in
            guard let section = configuration.modules.first(where: { $0.name == name }) else {
                throw ModuleFault.unknown("plugins.conf has no section [\(name)]")
            }
            try load(section, image)
        }
    }

    /// What a loaded module declares.
    public func declarations(of name: String) async throws -> ModuleDeclarations {
        try await runtime.control.perform { [self] in
            guard let instance = instances.first(where: { $0.name == name }) else {
                throw ModuleFault.unknown("module \(name) is not loaded")
            }
            return instance.declarations
        }
    }
}

extension ModuleInstance {
    fileprivate var declarations: ModuleDeclarations {
        var made = ModuleDeclarations()
        let known = [
            PA_DATAGRAM, PA_STREAM, PA_AUTH, PA_SESSION, PA_IPV6, PA_TIMER, PA_OPTION, PA_COMMAND,
            PA_CERTIFICATE, PA_PSK, PA_HANDOVER,
        ]
        made.capabilities = known.filter { id in
            unsafe entry.pointee.capability(entry.pointee.state, id) != nil
        }
        made.options = options.declarations.map {
            .init(key: $0.key, type: $0.type, fallback: $0.fallback, range: $0.range)
        }
        let commands = unsafe ModuleCommand.all(tables.command)
        made.commands = commands.map { .init(name: $0.name, types: $0.arguments.map(\.type)) }
        made.faults = options.declarations.flatMap(\.faults)
        made.faults += Self.repeated(options.declarations.map(\.key)).map { "option \($0) is declared twice" }
        made.faults += Self.repeated(commands.map(\.name)).map { "command \($0) is declared twice" }
        let malformed = Int(unsafe tables.command?.pointee.count ?? 0) - commands.count
        if malformed > 0 { made.faults.append("\(malformed) of its commands are malformed and left out") }
        made.faults += commands.filter(\.help.isEmpty).map { "command \($0.name) has no help" }
        return made
    }

    private static func repeated(_ names: [String]) -> Set<String> {
        var seen: Set<String> = []
        return Set(names.filter { !seen.insert($0).inserted })
    }
}

extension ModuleOptions.Declaration {
    fileprivate var faults: [String] {
        var faults: [String] = []
        if !(PA_OPTION_STRING...PA_OPTION_STRINGS).contains(type) { faults.append("is of type \(type)") }
        if accepts.isEmpty { faults.append("does not say what it accepts") }
        if help.isEmpty { faults.append("has no help") }
        if type == PA_OPTION_INTEGER, let fallback {
            let isAccepted = Int64(fallback).map(range.contains) ?? false
            if !isAccepted { faults.append("has \"\(fallback)\" as fallback, which it does not accept") }
        }
        if type == PA_OPTION_BOOLEAN, let fallback, fallback != "true", fallback != "false" {
            faults.append("has \"\(fallback)\" as fallback, which is neither true nor false")
        }
        return faults.map { "option \(key) \($0)" }
    }
}
