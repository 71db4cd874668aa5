/// The streams of a listener's lane that nobody has claimed yet, the oldest first.
///
/// Bounds: `capacity` streams, `capacityPerSource` of them of one source; where there is no place the oldest
/// gives way. Who means it is claimed with its first octets, long before it is the oldest. Linear scans: at
/// most `capacity` entries for a connection.
struct UnclaimedStreams<Stream: AnyObject> {
    static var capacity: Int { 1024 }
    static var capacityPerSource: Int { 64 }

    private var entries: [(stream: Stream, source: Endpoint)] = []

    var count: Int { entries.count }

    /// Takes in a stream from `remote`; the result is the one that gives way to it.
    mutating func insert(_ stream: Stream, from remote: Endpoint) -> Stream? {
        let source = remote.source
        var former: Int?
        if entries.count(where: { $0.source == source }) >= Self.capacityPerSource {
            former = entries.firstIndex { $0.source == source }
        } else if count >= Self.capacity {
            former = 0
        }
        defer { entries.append((stream, source)) }
        return former.map { entries.remove(at: $0).stream }
    }

    mutating func remove(_ stream: Stream) {
        if let index = entries.firstIndex(where: { $0.stream === stream }) { entries.remove(at: index) }
    }
}
