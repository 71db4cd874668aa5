import Lanes
import PluginABI

/// Replacing a module's library while its clients go on, and ending what they have left behind.
extension ModuleRegistry {
    /// What a swap did.
    public struct Swap: Sendable {
        /// Versions as the descriptors give them.
        public let from: String
        public let to: String
        /// In the order in which it went.
        public let lanes: [LaneSwap]

        public var carried: Int { lanes.reduce(0) { $0 + $1.carried } }
        public var draining: Int { lanes.reduce(0) { $0 + $1.draining } }
        public var longestPause: Duration { lanes.map(\.longestPause).max() ?? .zero }
    }

    /// Loads another library for a module that runs, and moves its connections there. What cannot be moved
    /// stays with the former library until it ends by itself, for `drain` at most. A library that cannot
    /// be loaded, created or started changes nothing.
    public func swap(_ name: String, library: String, drain: Duration) async throws -> Swap {
        try await runtime.control.perform { [self] in
            let former = try find(name)
            guard var section = configuration.modules.first(where: { $0.name == name }) else {
                throw ModuleFault.unknown("plugins.conf has no section [\(name)] any more")
            }
            section.library = library
            return try swap(former, for: successor(of: former, section), drain: drain)
        }
    }

    /// [control] Made, held against its options and against what it succeeds to, and not started.
    func successor(
        of former: ModuleInstance, _ section: PluginsConfiguration.ModuleSection
    ) throws(ModuleFault) -> ModuleInstance {
        try checkMayBeSwapped(former)
        let image = try ModuleImage(path: runtime.path(of: section.library), copiesIn: runtime.copies)
        guard image.description.id == former.image.description.id else {
            let (theirs, mine) = (image.description.id, former.image.description.id)
            throw .descriptor("the library is \(theirs), but module \(former.name) is \(mine)")
        }
        let successor = try ModuleInstance(section, image: image, runtime: runtime, succeeding: former)
        do throws(ModuleFault) { try successor.checkCanServe(former.listeners) } catch {
            successor.discard()
            throw error
        }
        return successor
    }

    /// [control]
    @discardableResult
    func swap(
        _ former: ModuleInstance, for successor: ModuleInstance, drain: Duration = ModuleRegistry.drainLimit
    ) throws(ModuleFault) -> Swap {
        let image = successor.image
        try successor.start(listen: [], takesSeats: false)
        let swap = Swap(
            from: former.image.description.version, to: image.description.version,
            lanes: zip(former.lanes, successor.lanes).map(Self.handOver))
        successor.listeners = former.giveListeners()
        instances = instances.map { $0 === former ? successor : $0 }
        log(swap, of: successor)
        // Without a handover nothing reaches those who came at the very last moment: they are told.
        startDraining(former, limit: former.canHandOver ? drain : .zero)
        return swap
    }

    private func checkMayBeSwapped(_ former: ModuleInstance) throws(ModuleFault) {
        guard !former.isDraining.load(ordering: .relaxed) else {
            throw .unknown("module \(former.name) is being unloaded")
        }
        guard former.canHandOver || former.remaining == 0 else {
            throw .refusedByModule(
                "module \(former.name) has connections and no \(PA_HANDOVER): "
                    + "it can be unloaded and loaded only")
        }
    }

    /// Lane by lane, and there turn by turn.
    private static func handOver(_ former: ModuleLane, _ successor: ModuleLane) -> LaneSwap {
        let handover = LaneHandover(from: former, to: successor)
        while former.lane.performAndWait({ _ in handover.advance() }) == false {}
        return handover.outcome
    }

    private func log(_ swap: Swap, of instance: ModuleInstance) {
        func log(_ line: String) {
            instance.services.log(module: instance.name, level: PA_LOG_INFO, line: line)
        }
        for lane in swap.lanes {
            log(
                "swap lane=\(lane.lane) carried=\(lane.carried) draining=\(lane.draining) "
                    + "pauses=\(lane.pauses) longest_pause_us=\(lane.longestPause.microseconds)")
        }
        log(
            "swapped from=\"\(swap.from)\" to=\"\(swap.to)\" carried=\(swap.carried) "
                + "draining=\(swap.draining) longest_pause_us=\(swap.longestPause.microseconds)")
    }
}

// MARK: - Draining

extension ModuleRegistry {
    /// How long connections that cannot be carried over may go on.
    public static let drainLimit: Duration = .seconds(600)
    /// How often a draining instance is looked at.
    private static let drainStep: Duration = .milliseconds(200)

    /// [control] Ends an instance that gets nothing new any more: at once if it has no connections, else when
    /// the last one is gone or the time is over.
    func startDraining(_ former: ModuleInstance, limit: Duration) {
        draining.append(former)
        guard former.remaining > 0, limit > .zero else { return endDraining(former) }
        Task { try await drain(limit: limit) { $0 === former } }
    }

    /// [control] Takes an instance off the list: it gets no new connections.
    func leave(_ instance: ModuleInstance) {
        instances.removeAll { $0 === instance }
        instance.drain()
        draining.append(instance)
    }

    /// Waits for the connections of a module that was left and of the instances before it, whose only way to
    /// their clients are its listeners, and ends them.
    func drain(named name: String, limit: Duration) async throws {
        try await drain(limit: limit) { $0.name == name }
    }

    private func drain(limit: Duration, _ isMeant: @escaping @Sendable (ModuleInstance) -> Bool) async throws
    {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            let remaining = try await runtime.control.perform { [self] in
                draining.filter(isMeant).reduce(0) { $0 + $1.remaining }
            }
            guard remaining > 0 else { break }
            try await Task.sleep(for: Self.drainStep)
        }
        try await runtime.control.perform { [self] in
            for former in draining.filter(isMeant) { endDraining(former) }
        }
    }

    /// [control] Peers that are still there are told. Twice is harmless.
    func endDraining(_ former: ModuleInstance) {
        guard let index = draining.firstIndex(where: { $0 === former }) else { return }
        draining.remove(at: index)
        if let successor = instances.first(where: { $0.seats.first === former.seats.first }) {
            former.giveCounters(to: successor)
            successor.countRefusedCalls(former.refusedCalls)
        }
        former.stop()
    }

    /// [control] Nobody of that name waits for its last connection any longer.
    func endDraining(named name: String) {
        for former in draining where former.name == name { endDraining(former) }
    }
}

extension ModuleInstance {
    /// [control] What its listeners are from now on is its successor's.
    fileprivate func giveListeners() -> [ModuleListener] {
        defer { listeners = [] }
        return listeners
    }

    var canHandOver: Bool { unsafe tables.handover != nil }

    /// [control] Whether it has what a former instance's listeners call.
    fileprivate func checkCanServe(_ listeners: [ModuleListener]) throws(ModuleFault) {
        for listener in listeners {
            let hasTable = unsafe listener.isStream ? tables.stream != nil : tables.datagram != nil
            guard hasTable else {
                let what = listener.isStream ? "streams" : "datagrams"
                throw .descriptor(
                    "the library takes no \(what), but module \(name) listens on \(listener.url)")
            }
        }
    }

    /// [control] Connections that it still has. A lane on which there are none leaves its seat.
    var remaining: Int {
        lanes.reduce(0) { sum, lane in
            let count = lane.lane.performAndWait { _ in
                let remaining = lane.remaining
                if remaining == 0, lane.isFormer { lane.leaveSeat() }
                return remaining
            }
            return sum + (count ?? 0)
        }
    }

    /// [control] What was counted goes on being counted; gauges are each instance's own.
    fileprivate func giveCounters(to successor: ModuleInstance) {
        let theirs = successor.metrics.all
        for (index, mine) in metrics.all.enumerated() where mine.kind == PA_METRIC_COUNTER {
            guard let place = theirs.firstIndex(where: { $0.name == mine.name && $0.kind == mine.kind })
            else {
                continue
            }
            for (from, to) in zip(lanes, successor.lanes) {
                _ = from.lane.performAndWait { _ in to.metrics[place] &+= from.metrics[index] }
            }
        }
    }
}

extension Duration {
    fileprivate var microseconds: Int64 { Int64(self / .microseconds(1)) }
}
