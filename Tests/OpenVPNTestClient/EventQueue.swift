import Wire

/// What will happen when: a binary heap, first in first out among equals.
struct EventQueue<Event> {
    private struct Entry {
        let at: Instant
        let order: Int
        let event: Event

        func isBefore(_ other: Entry) -> Bool {
            (at.nanoseconds, order) < (other.at.nanoseconds, other.order)
        }
    }

    private var entries: [Entry] = []
    private var inserted = 0

    var nextAt: Instant? { entries.first?.at }

    mutating func insert(_ event: Event, at time: Instant) {
        entries.append(Entry(at: time, order: inserted, event: event))
        inserted += 1
        var child = entries.count - 1
        while child > 0, entries[child].isBefore(entries[(child - 1) / 2]) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func popDue(at now: Instant) -> Event? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first.event }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].isBefore(entries[least]) { least = child }
            }
            guard least != parent else { return first.event }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
