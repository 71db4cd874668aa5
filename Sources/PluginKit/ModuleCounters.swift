internal import Synchronization
public import Wire

/// Something that a module counts. The raw value is the metric's name.
public protocol ModuleCounter: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    /// One line, for the metric.
    var help: String { get }
    /// It also goes down: it says how many there are now.
    var isGauge: Bool { get }
}

extension ModuleCounter {
    public var isGauge: Bool { false }
}

/// What a module has counted on all its lanes: metrics of the host, and sums for the module's own commands.
public final class ModuleCounters<Counter: ModuleCounter>: Sendable {
    private final class Entry: Sendable {
        let counter: Counter
        let sum = Atomic(0)
        let metric = Mutex(Metric.unkept)

        init(_ counter: Counter) { self.counter = counter }
    }

    /// In the order of declaration.
    private let entries: [Entry]

    public init() { entries = Counter.allCases.map(Entry.init) }

    /// To be called before there are lanes.
    public func declare(to host: HostServices) throws(Status) {
        for entry in entries {
            let (name, help) = (entry.counter.rawValue, entry.counter.help)
            let metric =
                entry.counter.isGauge
                ? try host.declareGauge(name, help: help) : try host.declareCounter(name, help: help)
            entry.metric.withLock { $0 = metric }
        }
    }

    public func value(of counter: Counter) -> Int {
        entries[position(of: counter)].sum.load(ordering: .relaxed)
    }

    /// A line `NAME VALUE` for each, in the order of declaration.
    public var report: String {
        Counter.allCases.map { "\($0.rawValue) \(value(of: $0))\n" }.joined()
    }

    /// Linear scan: a module has a handful, and gauges, which are noted after each batch, stand first. By a
    /// loop, because `firstIndex` allocates where nothing specializes it.
    fileprivate func position(of counter: Counter) -> Int {
        for position in entries.indices where entries[position].counter == counter { return position }
        preconditionFailure("allCases lacks \(counter.rawValue)")
    }

    fileprivate var metrics: [Metric] { entries.map { $0.metric.withLock { $0 } } }

    fileprivate func add(_ amount: Int, at position: Int) {
        entries[position].sum.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// One lane's way to the counters.
public struct LaneCounters<Counter: ModuleCounter> {
    private let sums: ModuleCounters<Counter>
    private let services: LaneServices
    /// By a counter's position, as what was noted last.
    private let metrics: [Metric]
    private var levels: [Int]
    private var events: [Int] = []

    public init(_ counters: ModuleCounters<Counter>, _ services: LaneServices) {
        sums = counters
        self.services = services
        metrics = counters.metrics
        levels = [Int](repeating: 0, count: metrics.count)
    }

    public func add(_ amount: Int = 1, to counter: Counter) { add(amount, at: sums.position(of: counter)) }

    private func add(_ amount: Int, at position: Int) {
        sums.add(amount, at: position)
        services.add(amount, to: metrics[position])
    }

    /// There are `level` on this lane now.
    public mutating func note(_ level: Int, as gauge: Counter) {
        let position = sums.position(of: gauge)
        let change = level - levels[position]
        guard change != 0 else { return }
        add(change, at: position)
        levels[position] = level
    }

    /// Adds what an engine has counted since the last time. `events`: how often, by kind, since it began;
    /// kinds that are no counter's are left out.
    public mutating func note(events: [Int], as counter: (Int) -> Counter?) {
        guard events != self.events else { return }
        for (kind, count) in events.enumerated() {
            let more = count - (kind < self.events.count ? self.events[kind] : 0)
            if more > 0, let counter = counter(kind) { add(more, to: counter) }
        }
        self.events = events
    }
}

// MARK: - A swap

extension ModuleCounters {
    /// How many, then each by its name: the other instance may know others. A gauge counts what an instance
    /// has, and stays.
    public func serializeSums(into octets: inout [UInt8]) {
        let counters = Counter.allCases.filter { !$0.isGauge }
        octets.append(UInt8(counters.count))
        for counter in counters {
            octets.append(UInt8(counter.rawValue.utf8.count))
            octets += counter.rawValue.utf8
            octets.appendBigEndian(Int64(value(of: counter)))
        }
    }

    /// What `serializeSums` wrote, without those that this instance does not know.
    public struct Sums {
        fileprivate var values: [Counter: Int] = [:]

        public init(parsing reader: inout ByteReader) throws(WireError) {
            for _ in 0..<(try reader.read(UInt8.self)) {
                let name = String(decoding: try reader.take(Int(try reader.read(UInt8.self))), as: UTF8.self)
                let value = try reader.read(Int64.self)
                guard value >= 0 else { throw .badValue }
                if let counter = Counter(rawValue: name), !counter.isGauge { values[counter] = Int(value) }
            }
        }
    }

    /// The metrics are the host's, which has them of the other instance.
    public func add(_ sums: Sums) {
        for (counter, value) in sums.values { add(value, at: position(of: counter)) }
    }
}
