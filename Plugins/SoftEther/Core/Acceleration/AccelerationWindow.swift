/// What keeps a datagram from being accepted twice. The protocol has ticks, in which many packets may be
/// alike, and no numbers; so the nonces of the newest packets are remembered, and who is older than all of
/// these is refused.
///
/// Bounds: 1,024 nonces; ticks 30 seconds behind the newest, and 30 seconds ahead of where the peer's clock
/// should be.
struct AccelerationWindow: Sendable {
    static let remembered = 1024
    static let tolerance: UInt64 = 30_000

    var ring = [(nonce: UInt64, tick: UInt64)](repeating: (0, 0), count: remembered)
    var known: Set<UInt64> = []
    var next = 0
    /// Packets of this tick or an older one may have been forgotten.
    var floor: UInt64 = 0
    var newest: UInt64 = 0
    /// Our own clock when `newest` came.
    var newestAt: UInt64 = 0

    init() { known.reserveCapacity(Self.remembered) }

    /// Whether a packet that is authentic may be taken. `nonce` stands for its 12 octets, `now` is our own
    /// tick.
    mutating func accept(nonce: UInt64, tick: UInt64, at now: UInt64) -> Bool {
        guard tick > floor, tick &+ Self.tolerance >= newest, !known.contains(nonce) else { return false }
        if newest > 0, tick > newest &+ (now &- newestAt) &+ Self.tolerance { return false }
        if ring[next].tick > 0 {
            known.remove(ring[next].nonce)
            floor = max(floor, ring[next].tick)
        }
        ring[next] = (nonce, tick)
        known.insert(nonce)
        next = (next + 1) % Self.remembered
        if tick > newest {
            newest = tick
            newestAt = now
        }
        return true
    }
}
