import Wire

/// Counts failures by whatever they are counted by, and says what they cost. Each is forgotten after a while,
/// so that those of many days and many people do not add up.
///
/// Bound: `capacity` keys; when there are more, the one that has been quiet for longest is forgotten. Linear
/// scan: once for a failure of a new key in a full table, and a failure costs a scrypt anyway.
struct FailureTable<Key: Hashable & Sendable>: Sendable {
    struct Policy: Sendable {
        /// Failures that cost nothing.
        var free: Int
        /// One failure is forgotten in this time.
        var forgets: Duration
        /// What the first failure beyond the free ones costs; each further one costs twice as much.
        var first: Duration
        var most: Duration
    }

    private struct Record: Sendable {
        var failures: Int
        /// When one of them was last forgotten, or the first was made.
        var since: Instant
        var last: Instant
    }

    let policy: Policy
    let capacity: Int
    private var records: [Key: Record] = [:]

    init(_ policy: Policy, capacity: Int) {
        self.policy = policy
        self.capacity = capacity
    }

    var count: Int { records.count }

    mutating func failed(_ key: Key, at now: Instant) {
        var record = current(key, at: now) ?? Record(failures: 0, since: now, last: now)
        record.failures += 1
        record.last = now
        if records[key] == nil, records.count >= capacity { forgetQuietest() }
        records[key] = record
    }

    mutating func succeeded(_ key: Key) { records[key] = nil }

    /// What the failures so far cost.
    func penalty(of key: Key, at now: Instant) -> Duration {
        guard let record = current(key, at: now), record.failures > policy.free else { return .zero }
        let doublings = min(record.failures - policy.free - 1, 32)
        return min(policy.first * (1 << doublings), policy.most)
    }

    /// Whether the penalty since the last failure is over.
    func mayTry(_ key: Key, at now: Instant) -> Bool {
        guard let last = records[key]?.last else { return true }
        return last.advanced(by: penalty(of: key, at: now)) <= now
    }

    /// Without what has been forgotten since.
    private func current(_ key: Key, at now: Instant) -> Record? {
        guard var record = records[key] else { return nil }
        let forgotten = Int(record.since.duration(to: now) / policy.forgets)
        record.failures -= forgotten
        record.since = record.since.advanced(by: policy.forgets * forgotten)
        return record.failures > 0 ? record : nil
    }

    private mutating func forgetQuietest() {
        guard let quietest = records.min(by: { $0.value.last < $1.value.last })?.key else { return }
        records[quietest] = nil
    }
}
