/// Applying the difference between two states of plugins.conf.
extension ModuleRegistry {
    /// What a reload did, by the names of modules.
    public struct Difference: Sendable, Equatable {
        public var loaded: [String] = []
        public var unloaded: [String] = []
        /// A new instance has taken over their connections, because something changed that cannot be taken
        /// over while one runs.
        public var swapped: [String] = []
        /// Ended and started again, because they cannot be swapped either.
        public var restarted: [String] = []
        /// Their options and listeners were changed while they ran.
        public var changed: [String] = []
        /// Those for which it did not work out, with the reason. They run on as they were, if they did.
        public var failed: [Failure] = []

        public struct Failure: Sendable, Equatable {
            public var name: String
            public var why: String
        }

        public init() {}
    }

    /// Makes the modules what the new plugins.conf says; those whose sections are as they were are not
    /// touched. A fault in any section, be it in its library, its options or its listeners' form, changes
    /// nothing. What can fail only later, as taking a port does, fails for that module alone.
    public func apply(_ new: PluginsConfiguration) async throws -> Difference {
        try await runtime.control.perform { [self] in
            let steps = try steps(to: new)
            var difference = Difference()
            for name in instances.map(\.name) where !new.modules.contains(where: { $0.name == name }) {
                leave(try find(name))
                Task { try await drain(named: name, limit: Self.drainLimit) }
                difference.unloaded.append(name)
            }
            // What changes may free a port that something new takes.
            for step in steps.filter(\.isChange) + steps.filter({ !$0.isChange }) {
                do throws(ModuleFault) { try perform(step, &difference) } catch {
                    difference.failed.append(.init(name: step.section.name, why: "\(error)"))
                }
            }
            // Where a change failed, the next reload shall see it again.
            var applied = new
            applied.modules = new.modules.map { section in
                difference.failed.contains { $0.name == section.name }
                    ? former(section.name) ?? section : section
            }
            configuration = applied
            return difference
        }
    }

    /// What is to be done for one section, with all that can be prepared while everything goes on.
    private struct Step {
        enum Kind {
            case load(ModuleInstance)
            case change(ModuleInstance, ModuleOptions)
            case swap(ModuleInstance, successor: ModuleInstance)
            case restart(ModuleInstance, successor: ModuleInstance)
        }

        let section: PluginsConfiguration.ModuleSection
        let kind: Kind

        var isChange: Bool {
            if case .load = kind { false } else { true }
        }

        /// Gives back what was prepared.
        func discard() {
            switch kind {
            case .load(let made), .swap(_, let made), .restart(_, let made): made.discard()
            case .change: break
            }
        }
    }

    private func steps(to new: PluginsConfiguration) throws(ModuleFault) -> [Step] {
        var steps: [Step] = []
        do throws(ModuleFault) {
            for section in new.modules {
                guard let kind = try kind(of: section) else { continue }
                steps.append(Step(section: section, kind: kind))
            }
        } catch {
            for step in steps { step.discard() }
            throw error
        }
        return steps
    }

    /// Nil: the module is as its section says.
    private func kind(of section: PluginsConfiguration.ModuleSection) throws(ModuleFault) -> Step.Kind? {
        guard let instance = instances.first(where: { $0.name == section.name }) else {
            if unloaded.contains(section.name), former(section.name) == section { return nil }
            return .load(try made(section))
        }
        guard let former = former(section.name), former != section else { return nil }
        // By command a module may have been swapped for a library that plugins.conf does not name.
        var section = section
        let hasOtherLibrary = section.library != former.library
        if !hasOtherLibrary {
            section.library = instance.image.source
            let options = try unsafe ModuleOptions(
                section, declared: instance.tables.option, file: runtime.configurationFile)
            if options.differsOnlyLive(from: instance.options) {
                _ = try listeners(of: section, instance.image.description)
                return .change(instance, options)
            }
        }
        if instance.canHandOver { return .swap(instance, successor: try successor(of: instance, section)) }
        return .restart(instance, successor: try made(section))
    }

    private func perform(_ step: Step, _ difference: inout Difference) throws(ModuleFault) {
        let section = step.section
        switch step.kind {
        case .load(let made):
            // Modules that are loaded by command are those of plugins.conf, and this one may be so later.
            remember(section)
            try start(made, for: section)
            difference.loaded.append(section.name)
        case .change(let instance, let options):
            // Options first: taking them over twice is harmless, opening a listener twice is not.
            if former(section.name)?.options != section.options { try instance.change(to: options) }
            try changeListeners(to: section)
            difference.changed.append(section.name)
        case .swap(let former, let successor):
            try swap(former, for: successor)
            try changeListeners(to: section)
            difference.swapped.append(section.name)
        case .restart(let former, let successor):
            try restart(former, as: successor, section)
            difference.restarted.append(section.name)
        }
    }

    /// All but the listeners holds by then, also where one of these cannot be opened.
    private func changeListeners(to section: PluginsConfiguration.ModuleSection) throws(ModuleFault) {
        var applied = section
        applied.listen = former(section.name)?.listen
        remember(applied)
        let instance = try find(section.name)
        let wanted = try listeners(of: section, instance.image.description)
        makeRoom(for: wanted.filter { url in !instance.listeners.contains { $0.url == url } })
        try instance.changeListeners(to: wanted)
    }

    /// When the new one does not start, the module runs again as it was.
    private func restart(
        _ former: ModuleInstance, as successor: ModuleInstance, _ section: PluginsConfiguration.ModuleSection
    ) throws(ModuleFault) {
        instances.removeAll { $0 === former }
        former.stop()
        do throws(ModuleFault) { try start(successor, for: section) } catch {
            guard var before = self.former(section.name) else { throw error }
            before.library = former.image.source
            try load(before)
            throw error
        }
    }

    private func remember(_ section: PluginsConfiguration.ModuleSection) {
        if let index = configuration.modules.firstIndex(where: { $0.name == section.name }) {
            configuration.modules[index] = section
        } else {
            configuration.modules.append(section)
        }
    }

    private func former(_ name: String) -> PluginsConfiguration.ModuleSection? {
        configuration.modules.first { $0.name == name }
    }
}
