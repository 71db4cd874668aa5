import Wire

/// How often a client with a link of its own may show a new address: each is looked for on the hub, noted
/// there and logged. A token bucket.
struct ChoiceBudget {
    /// As many as a client may have.
    static let burst = IPv6Host.maxAddresses
    /// After which there may be one more. Privacy addresses last for hours (RFC 8981 §3.8).
    static let interval: Duration = .seconds(10)

    private var tokens = burst
    private var filledAt: Instant?

    mutating func spend(at now: Instant) -> Bool {
        var filledAt = self.filledAt ?? now
        while tokens < Self.burst, now >= filledAt + Self.interval {
            tokens += 1
            filledAt = filledAt + Self.interval
        }
        self.filledAt = tokens == Self.burst ? now : filledAt
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
