/// What keeps a datagram from being accepted twice. The protocol has ticks, in which many packets may be
/// alike, and no numbers; so the nonces of the newest packets are remembered, and who is as old as one that
/// was forgotten is refused.
///
/// Bounds: 1,024 to 2,048 nonces; ticks 30 seconds behind the newest, and 30 seconds ahead of where the
/// peer's clock should be.
struct AccelerationWindow: Sendable {
    /// At least so many.
    static let remembered = 1024
    static let tolerance: UInt64 = 30_000

    /// Nonces since the last change of generations, and those of the generation before.
    var young = Generation()
    var old = Generation()
    /// Packets of this tick or an older one may have been forgotten.
    var floor: UInt64 = 0
    var newest: UInt64 = 0
    /// Our own clock when `newest` came.
    var newestAt: UInt64 = 0

    /// Whether a packet that is authentic may be taken. `nonce` stands for its 12 octets, `now` is our own
    /// tick.
    mutating func accept(nonce: UInt64, tick: UInt64, at now: UInt64) -> Bool {
        guard tick > floor, tick &+ Self.tolerance >= newest else { return false }
        if newest > 0, tick > newest &+ (now &- newestAt) &+ Self.tolerance { return false }
        // Who comes twice has the same tick twice: what is newer than all of a generation is not in it. Its
        // memory is cold, and looking there would cost more than all the rest.
        if tick <= old.newest, old.contains(nonce) { return false }
        guard young.insert(nonce) else { return false }
        young.newest = max(young.newest, tick)
        if young.count == Self.remembered { changeGenerations() }
        if tick > newest {
            newest = tick
            newestAt = now
        }
        return true
    }

    private mutating func changeGenerations() {
        floor = max(floor, old.newest)
        swap(&young, &old)
        young.clear()
    }

    /// A set of nonces that only grows, in one piece of memory. Its places are few enough that a peer who
    /// chooses its nonces to collide wastes a microsecond for each packet that it encrypts.
    struct Generation: Sendable {
        private static let places = 2 * remembered
        private static let free: UInt64 = 0

        private var nonces = [UInt64](repeating: free, count: places)
        private(set) var count = 0
        /// The newest tick among its packets.
        var newest: UInt64 = 0

        /// In an order in which they come to the same places: from behind a free one on.
        var all: [UInt64] {
            let start = nonces.firstIndex(of: Self.free) ?? 0
            return (nonces[start...] + nonces[..<start]).filter { $0 != Self.free }
        }

        func contains(_ nonce: UInt64) -> Bool { nonces[place(of: Self.stored(nonce))] != Self.free }

        /// False: it is there already.
        mutating func insert(_ nonce: UInt64) -> Bool {
            let nonce = Self.stored(nonce)
            let place = place(of: nonce)
            guard nonces[place] == Self.free else { return false }
            nonces[place] = nonce
            count += 1
            return true
        }

        mutating func clear() {
            for place in nonces.indices { nonces[place] = Self.free }
            count = 0
            newest = 0
        }

        /// Where it is, or would be: half of all places at least are free.
        private func place(of nonce: UInt64) -> Int {
            var place = Int(truncatingIfNeeded: nonce) & (Self.places - 1)
            while nonces[place] != Self.free, nonces[place] != nonce {
                place = (place + 1) & (Self.places - 1)
            }
            return place
        }

        private static func stored(_ nonce: UInt64) -> UInt64 { nonce == free ? 1 : nonce }
    }
}
