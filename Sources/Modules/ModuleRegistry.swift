import Lanes
import PluginABI

/// The modules of the server, by the name of their section in plugins.conf.
///
/// Everything here is asynchronous because it runs on the control queue, one request at a time.
public final class ModuleRegistry: @unchecked Sendable {
    /// What an administrator may see of a module.
    public struct Row: Sendable {
        public var name: String
        public var version: String
        public var library: String
        public var summary: String
        public var listeners: [String]
        public var commands: [String]
        public var sessions: Int
        public var metrics: [(name: String, value: Int64)]
    }

    let runtime: ModuleRuntime
    var configuration: PluginsConfiguration
    /// In the order in which they were loaded.
    var instances: [ModuleInstance] = []

    public init(_ runtime: ModuleRuntime, configuration: PluginsConfiguration) {
        self.runtime = runtime
        self.configuration = configuration
    }

    /// Loads every module that plugins.conf names; ends those that came up when one does not.
    public func loadAll() async throws {
        try await runtime.control.perform { [self] in
            do {
                for section in configuration.modules { try load(section) }
            } catch {
                stopAll()
                throw error
            }
        }
    }

    /// Loads the module of a section of plugins.conf that is not loaded.
    public func load(_ name: String) async throws {
        try await runtime.control.perform { [self] in
            guard instances.allSatisfy({ $0.name != name }) else {
                throw ModuleFault.unknown("module \(name) is loaded already")
            }
            guard let section = configuration.modules.first(where: { $0.name == name }) else {
                let known = configuration.modules.map(\.name).joined(separator: ", ")
                throw ModuleFault.unknown("plugins.conf has no section [\(name)]; it has \(known)")
            }
            try load(section)
        }
    }

    /// Ends a module: it gets no new sessions, its clients may stay until `drain` is over and are told then.
    public func unload(_ name: String, drain: Duration = .zero) async throws {
        let instance = try await runtime.control.perform { [self] in
            let instance = try find(name)
            if drain > .zero { instance.drain() }
            return instance
        }
        let deadline = ContinuousClock.now + drain
        while ContinuousClock.now < deadline {
            let sessions = try await runtime.control.perform { instance.sessionCount }
            guard sessions > 0 else { break }
            try await Task.sleep(for: Self.drainStep)
        }
        try await runtime.control.perform { [self] in
            guard instances.contains(where: { $0 === instance }) else { return }
            instances.removeAll { $0 === instance }
            instance.stop()
        }
    }

    /// How often a draining module is looked at.
    private static let drainStep: Duration = .milliseconds(200)

    /// Calls an administrative function of a module.
    public func call(_ name: String, command: String, arguments: [String]) async throws -> String {
        try await runtime.control.perform { [self] in
            let instance = try find(name)
            let commands = unsafe ModuleCommand.all(instance.tables.command)
            guard let found = commands.first(where: { $0.name == command }) else {
                let known = commands.map { "\($0.usage) (\($0.help))" }.joined(separator: "; ")
                throw ModuleFault.command("module \(name) has no command \(command); it has: \(known)")
            }
            return try found.call(arguments, on: instance)
        }
    }

    public func rows() async throws -> [Row] {
        try await runtime.control.perform { [self] in instances.map { $0.row } }
    }

    /// Ends every module, the last one first.
    public func stop() async {
        try? await runtime.control.perform { [self] in stopAll() }
    }

    private func stopAll() {
        for instance in instances.reversed() { instance.stop() }
        instances = []
    }

    func load(_ section: PluginsConfiguration.ModuleSection) throws(ModuleFault) {
        let image = try ModuleImage(path: runtime.path(of: section.library), copiesIn: runtime.copies)
        let listen = try listeners(of: section, image.description)
        let instance = try ModuleInstance(section, image: image, runtime: runtime)
        try instance.start(listen: listen)
        instances.append(instance)
    }

    /// Those of plugins.conf, or where it names none, the module's own.
    func listeners(
        of section: PluginsConfiguration.ModuleSection, _ description: ModuleDescription
    ) throws(ModuleFault) -> [ListenURL] {
        if let listen = section.listen { return listen }
        var listen: [ListenURL] = []
        for text in description.defaultListeners {
            guard let url = ListenURL(text) else {
                throw .descriptor("its default listener \"\(text)\" is malformed")
            }
            listen.append(url)
        }
        return listen
    }

    private func find(_ name: String) throws(ModuleFault) -> ModuleInstance {
        guard let instance = instances.first(where: { $0.name == name }) else {
            let known = instances.map(\.name).joined(separator: ", ")
            throw .unknown("module \(name) is not loaded; loaded are \(known.isEmpty ? "none" : known)")
        }
        return instance
    }
}

extension ModuleInstance {
    /// [control]
    fileprivate var row: ModuleRegistry.Row {
        let shares = lanes.compactMap { lane in lane.lane.performAndWait { _ in lane.metrics } }
        let values = metrics.all.enumerated().map { index, metric in
            (name: metric.name, value: shares.reduce(Int64(0)) { $0 &+ $1[index] })
        }
        return unsafe ModuleRegistry.Row(
            name: name, version: image.description.version, library: image.source,
            summary: image.description.summary,
            listeners: listeners.map(\.boundDescription),
            commands: ModuleCommand.all(tables.command).map { "\($0.usage)\t\($0.help)" },
            sessions: sessionCount, metrics: values)
    }
}
