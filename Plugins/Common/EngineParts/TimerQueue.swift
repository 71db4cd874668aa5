public import Wire

/// When which connection wants to be called: a binary heap. An entry is not removed when its connection's
/// deadline moves; the server sees, when the entry comes up, that it is not due yet.
public struct TimerQueue<Name: Sendable>: Sendable {
    public struct Entry: Sendable {
        public let at: Instant
        public let connection: Name

        public init(at: Instant, connection: Name) {
            self.at = at
            self.connection = connection
        }
    }

    public private(set) var entries: [Entry] = []

    public init() {}

    public var deadline: Instant? { entries.first?.at }

    public mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].at < entries[parent].at else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest entry, if it is due at `now`.
    public mutating func popDue(at now: Instant) -> Entry? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink(0)
        }
        return first
    }

    /// Forgets entries that nobody waits for any more.
    public mutating func keep(where isWanted: (Entry) -> Bool) {
        let wanted = entries.filter(isWanted)
        entries = []
        for entry in wanted { insert(entry) }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            let left = 2 * parent + 1
            guard left < entries.count else { return }
            let right = left + 1
            let child = right < entries.count && entries[right].at < entries[left].at ? right : left
            guard entries[child].at < entries[parent].at else { return }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
