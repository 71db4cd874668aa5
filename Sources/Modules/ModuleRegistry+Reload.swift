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

        public init() {}
    }

    /// Makes the modules what the new plugins.conf says. A fault in it, or in the options of a module that
    /// stays, changes nothing; modules whose sections are as they were are not touched. Where a module or a
    /// listener does not come up, what was changed before it stays changed.
    public func apply(_ new: PluginsConfiguration) async throws -> Difference {
        try await runtime.control.perform { [self] in
            let options = try changedOptions(new)
            var difference = Difference()
            for instance in instances where !new.modules.contains(where: { $0.name == instance.name }) {
                leave(instance)
                Task { try await drain(instance, limit: Self.drainLimit) }
                configuration.modules.removeAll { $0.name == instance.name }
                difference.unloaded.append(instance.name)
            }
            for section in new.modules {
                try apply(section, options[section.name], &difference)
                remember(section)
            }
            configuration = new
            return difference
        }
    }

    /// The options of every loaded module whose section changed, held against what it declares.
    private func changedOptions(_ new: PluginsConfiguration) throws(ModuleFault) -> [String: ModuleOptions] {
        var options: [String: ModuleOptions] = [:]
        for section in new.modules {
            guard let instance = instances.first(where: { $0.name == section.name }),
                section != former(section.name)
            else { continue }
            options[section.name] = try unsafe ModuleOptions(
                section, declared: instance.tables.option, file: runtime.configurationFile)
        }
        return options
    }

    private func apply(
        _ section: PluginsConfiguration.ModuleSection, _ options: ModuleOptions?,
        _ difference: inout Difference
    ) throws(ModuleFault) {
        guard let instance = instances.first(where: { $0.name == section.name }) else {
            try load(section)
            difference.loaded.append(section.name)
            return
        }
        guard let options, let former = former(section.name) else { return }
        if former.library == section.library, options.differsOnlyLive(from: instance.options) {
            // Options first: taking them over twice is harmless, opening a listener twice is not.
            if former.options != section.options { try instance.change(to: options) }
            try changeListeners(of: instance, from: former, to: section)
            difference.changed.append(section.name)
        } else if instance.canHandOver {
            try swap(instance, for: section)
            try changeListeners(of: find(section.name), from: former, to: section)
            difference.swapped.append(section.name)
        } else {
            instances.removeAll { $0 === instance }
            instance.stop()
            try load(section)
            difference.restarted.append(section.name)
        }
    }

    private func changeListeners(
        of instance: ModuleInstance, from former: PluginsConfiguration.ModuleSection,
        to section: PluginsConfiguration.ModuleSection
    ) throws(ModuleFault) {
        try instance.changeListeners(
            from: listeners(of: former, instance.image.description),
            to: listeners(of: section, instance.image.description))
    }

    /// What was applied holds, also when a later section fails: the next reload starts from there.
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
