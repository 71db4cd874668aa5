import Lanes
import PluginABI
import Synchronization

/// The modules of the server, by the name of their section in plugins.conf.
///
/// Everything here is asynchronous because it runs on the control queue, one request at a time.
public final class ModuleRegistry: @unchecked Sendable {
    /// What an administrator may see of a module.
    public struct Row: Sendable {
        public var name: String
        public var version: String
        public var library: String
        public var listeners: [String]
        /// It gets no new clients and ends with the last one.
        public var isDraining: Bool
        public var sessions: Int
        public var metrics: [(name: String, value: Int64)]
        /// Calls of the module that broke a rule of the ABI.
        public var refusedCalls: Int
    }

    let runtime: ModuleRuntime
    var configuration: PluginsConfiguration
    /// In the order in which they were loaded.
    var instances: [ModuleInstance] = []
    /// Those whose connections may still go on for a while: swapped for others, or gone from plugins.conf.
    var draining: [ModuleInstance] = []
    /// Sections of plugins.conf whose modules were unloaded by command: until they are loaded by command, or
    /// their section is another one.
    var unloaded: Set<String> = []
    /// The modules will be told, and have not been.
    private let peerKeysAreNew = Atomic(false)

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
    /// One that is on its way out already has no more time than that.
    public func unload(_ name: String, drain: Duration = .zero) async throws {
        try await runtime.control.perform { [self] in
            let isLeaving = draining.contains { $0.name == name }
            if isLeaving, !instances.contains(where: { $0.name == name }) { return }
            leave(try find(name))
            unloaded.insert(name)
        }
        try await self.drain(named: name, limit: drain)
    }

    /// Calls an administrative function of a module; without a command, says which there are.
    public func call(_ name: String, command: String, arguments: [String]) async throws -> String {
        try await runtime.control.perform { [self] in
            let instance = try find(name)
            let commands = unsafe ModuleCommand.all(instance.tables.command)
            if command.isEmpty { return commands.map(\.page).joined(separator: "\n") }
            guard let found = commands.first(where: { $0.name == command }) else {
                let known = commands.map { "\($0.usage) (\($0.help))" }.joined(separator: "; ")
                throw ModuleFault.command("module \(name) has no command \(command); it has: \(known)")
            }
            return try found.call(arguments, on: instance)
        }
    }

    /// The host presents another certificate: new TLS streams are shown it, and modules fetch it again.
    public func certificateChanged() async throws {
        try await runtime.control.perform { [self] in
            try runtime.streams.certificateChanged()
            for instance in instances + draining {
                guard let table = unsafe instance.tables.certificate else { continue }
                let status = unsafe table.pointee.changed(instance.entry.pointee.state)
                guard status != PA_OK else { continue }
                runtime.services.log(
                    module: instance.name, level: PA_LOG_ERROR,
                    line: "the new certificate was refused status=\(status)")
            }
        }
    }

    /// IPsec peers have other keys. Several changes at once are told as one.
    public func peerKeysChanged() {
        guard !peerKeysAreNew.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Task { [self] in
            try? await runtime.control.perform { [self] in
                peerKeysAreNew.store(false, ordering: .releasing)
                for instance in instances + draining { tellOfPeerKeys(instance) }
            }
        }
    }

    private func tellOfPeerKeys(_ instance: ModuleInstance) {
        guard let table = unsafe instance.tables.psk else { return }
        let status = unsafe table.pointee.changed(instance.entry.pointee.state)
        guard status != PA_OK else { return }
        runtime.services.log(
            module: instance.name, level: PA_LOG_ERROR,
            line: "the new pre-shared keys were refused status=\(status)")
    }

    public func rows() async throws -> [Row] {
        try await runtime.control.perform { [self] in
            let leaving = draining.filter { former in !instances.contains { $0.name == former.name } }
            return instances.map { row(of: $0, isDraining: false) }
                + leaving.map { row(of: $0, isDraining: true) }
        }
    }

    /// Ends every module, the last one first.
    public func stop() async {
        try? await runtime.control.perform { [self] in stopAll() }
    }

    private func stopAll() {
        for former in draining { endDraining(former) }
        for instance in instances.reversed() { instance.stop() }
        instances = []
    }

    func load(_ section: PluginsConfiguration.ModuleSection) throws(ModuleFault) {
        try start(made(section), for: section)
    }

    func load(_ section: PluginsConfiguration.ModuleSection, _ image: ModuleImage) throws(ModuleFault) {
        try start(made(section, image), for: section)
    }

    /// [control] Held against what its section says, and not started.
    func made(_ section: PluginsConfiguration.ModuleSection) throws(ModuleFault) -> ModuleInstance {
        try made(section, ModuleImage(path: runtime.path(of: section.library), copiesIn: runtime.copies))
    }

    private func made(
        _ section: PluginsConfiguration.ModuleSection, _ image: ModuleImage
    ) throws(ModuleFault) -> ModuleInstance {
        _ = try listeners(of: section, image.description)
        return try ModuleInstance(section, image: image, runtime: runtime)
    }

    /// [control] An instance that was made for its section.
    func start(
        _ instance: ModuleInstance, for section: PluginsConfiguration.ModuleSection
    ) throws(ModuleFault) {
        let listen: [ListenURL]
        do throws(ModuleFault) { listen = try listeners(of: section, instance.image.description) } catch {
            instance.discard()
            throw error
        }
        unloaded.remove(section.name)
        endDraining(named: section.name)
        makeRoom(for: listen)
        try instance.start(listen: listen)
        instances.append(instance)
    }

    /// [control] Who is on its way out may have listeners only for as long as nobody else wants them.
    func makeRoom(for listen: [ListenURL]) {
        let wanted = Set(listen.map(\.description))
        for former in draining
        where former.listeners.contains(where: {
            listen.contains($0.url) || wanted.contains($0.boundDescription)
        }) {
            endDraining(former)
        }
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

    func find(_ name: String) throws(ModuleFault) -> ModuleInstance {
        guard let instance = instances.first(where: { $0.name == name }) else {
            let known = instances.map(\.name).joined(separator: ", ")
            throw .unknown("module \(name) is not loaded; loaded are \(known.isEmpty ? "none" : known)")
        }
        return instance
    }
}

extension ModuleRegistry {
    /// What a former instance still has, and counts, is the module's, too.
    private func row(of instance: ModuleInstance, isDraining: Bool) -> Row {
        let former = draining.filter { $0.name == instance.name && $0 !== instance }
        let theirs = former.flatMap(\.metricValues)
        let values = instance.metricValues.map { mine in
            let same = theirs.lazy.filter { $0.name == mine.name && $0.kind == mine.kind }
            return (name: mine.name, value: same.reduce(mine.value) { $0 &+ $1.value })
        }
        return Row(
            name: instance.name, version: instance.image.description.version,
            library: instance.image.source, listeners: instance.listeners.map(\.boundDescription),
            isDraining: isDraining,
            sessions: former.reduce(instance.sessionCount) { $0 + $1.sessionCount }, metrics: values,
            refusedCalls: former.reduce(instance.refusedCalls) { $0 + $1.refusedCalls })
    }
}

extension ModuleInstance {
    /// [control] Over all lanes.
    fileprivate var metricValues: [(name: String, kind: UInt32, value: Int64)] {
        let shares = lanes.compactMap { lane in lane.lane.performAndWait { _ in lane.metrics } }
        return metrics.all.enumerated().map { index, metric in
            (metric.name, metric.kind, shares.reduce(Int64(0)) { $0 &+ $1[index] })
        }
    }
}
