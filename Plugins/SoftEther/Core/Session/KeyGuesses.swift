import Wire

/// Who has shown session keys that no session has. A key cannot be guessed; a source that tries all the same
/// is refused for a while, before its keys are looked at.
///
/// Bounds: 64 wrong keys a minute from one source (a client behind the NAT of a large site has neighbours,
/// each of which may come with the keys of a session that is over), 4,096 sources, the oldest given up first.
struct KeyGuesses {
    static let free = 64
    static let interval: Duration = .seconds(60)
    static let maxSources = 4096

    private struct Guesses {
        var count: Int
        let since: Instant
    }

    private var bySource: [TransportAddress: Guesses] = [:]

    func isBraked(_ source: TransportAddress, at now: Instant) -> Bool {
        guard let guesses = bySource[source] else { return false }
        return guesses.count >= Self.free && now < guesses.since.advanced(by: Self.interval)
    }

    mutating func failed(_ source: TransportAddress, at now: Instant) {
        if let guesses = bySource[source], now < guesses.since.advanced(by: Self.interval) {
            bySource[source]?.count = guesses.count + 1
            return
        }
        if bySource.count >= Self.maxSources { makeRoom(at: now) }
        bySource[source] = Guesses(count: 1, since: now)
    }

    /// Linear, and no more often than half of the sources can be new again.
    private mutating func makeRoom(at now: Instant) {
        bySource = bySource.filter { now < $0.value.since.advanced(by: Self.interval) }
        guard bySource.count >= Self.maxSources else { return }
        let oldest = bySource.sorted { $0.value.since < $1.value.since }.prefix(Self.maxSources / 2)
        for (source, _) in oldest { bySource[source] = nil }
    }
}

/// Lets one warning of a kind pass in a time, with how many there were since the last one.
struct WarningBrake {
    static let interval: Duration = .seconds(10)

    private var kinds: [String: (count: Int, at: Instant?)] = [:]

    /// `what` is one of few. Nil: not now.
    mutating func count(_ what: String, at now: Instant) -> Int? {
        let (count, at) = kinds[what] ?? (0, nil)
        if let at, now < at.advanced(by: Self.interval) {
            kinds[what] = (count + 1, at)
            return nil
        }
        kinds[what] = (0, now)
        return count + 1
    }
}
