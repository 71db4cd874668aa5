public import Wire

/// The connections of one lane that are not authenticated yet, the oldest first, and which of them gives way
/// to a newcomer when there are too many.
///
/// Who has the most places gives way first, so that a few sources with many connections cannot keep the
/// others out; among equals it is the oldest, once it has had its time. A source is an IPv4 address or an
/// IPv6 /64: who commands many of these is met by the bound alone. Linear scans: at most `capacity` entries
/// for a handshake, which costs asymmetric cryptography anyway.
public struct HalfOpenTable<Name: Hashable & Sendable>: Sendable {
    /// Clients that cannot echo a cookie may hold this part of the places. Their addresses may be forged.
    static var unprovedShare: Int { 4 }
    /// What a connection among equals may have before it gives way: newcomers in a crowd would otherwise
    /// push each other out, and nobody would ever get in.
    public static var grace: Duration { .seconds(3) }
    /// Once the table is half full, handshakes get this part of their window.
    static var shortWindow: Int { 4 }

    public struct Entry: Equatable, Sendable {
        public let connection: Name
        public let source: TransportAddress
        /// Nothing has shown that the client receives at its address.
        public let isUnproved: Bool
        public let beganAt: Instant

        public init(connection: Name, source: TransportAddress, isUnproved: Bool, beganAt: Instant) {
            self.connection = connection
            self.source = source
            self.isUnproved = isUnproved
            self.beganAt = beganAt
        }
    }

    public enum Admission: Equatable {
        case free
        case inPlaceOf(Name)
        case refused
    }

    let capacity: Int
    let capacityPerSource: Int
    public private(set) var entries: [Entry] = []
    private var bySource: [TransportAddress: Int] = [:]
    /// How many of the entries are unproved.
    public private(set) var unproved = 0

    public init(capacity: Int, perSource: Int) {
        self.capacity = capacity
        capacityPerSource = perSource
    }

    public var count: Int { entries.count }
    private var isHalfFull: Bool { 2 * count >= capacity }

    /// Whether a client from `source` gets a place.
    public func admission(of source: TransportAddress, isUnproved: Bool, at now: Instant) -> Admission {
        let own = bySource[source, default: 0]
        guard own < capacityPerSource else { return .refused }
        if isUnproved, unproved >= capacity / Self.unprovedShare {
            return place(of: entries.first(where: \.isUnproved), at: now)
        }
        guard count >= capacity else { return .free }
        let most = bySource.values.max() ?? 0
        let oldest = entries.first { bySource[$0.source] == most }
        if let oldest, most > own + 1 { return .inPlaceOf(oldest.connection) }
        return place(of: oldest, at: now)
    }

    private func place(of entry: Entry?, at now: Instant) -> Admission {
        guard let entry, entry.beganAt.advanced(by: Self.grace) <= now else { return .refused }
        return .inPlaceOf(entry.connection)
    }

    /// Those that have had the short window while the table is half full or more.
    public func overdue(window: Duration, at now: Instant) -> [Name] {
        guard isHalfFull else { return [] }
        return entries.prefix { $0.beganAt.advanced(by: window / Self.shortWindow) <= now }.map(\.connection)
    }

    public func entry(of connection: Name) -> Entry? { entries.first { $0.connection == connection } }

    /// In its place by age: one that another instance began may be older than ours.
    public mutating func insert(_ entry: Entry) {
        let younger = entries.lastIndex { $0.beganAt <= entry.beganAt }.map { $0 + 1 } ?? 0
        entries.insert(entry, at: younger)
        bySource[entry.source, default: 0] += 1
        if entry.isUnproved { unproved += 1 }
    }

    public mutating func remove(_ connection: Name) {
        guard let index = entries.firstIndex(where: { $0.connection == connection }) else { return }
        let entry = entries.remove(at: index)
        let left = bySource[entry.source, default: 0] - 1
        bySource[entry.source] = left > 0 ? left : nil
        if entry.isUnproved { unproved -= 1 }
    }
}
