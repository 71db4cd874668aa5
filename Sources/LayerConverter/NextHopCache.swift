import Wire

/// The Ethernet headers of the destinations used last: direct-mapped, so that a lookup is one comparison.
struct NextHopCache {
    private static let size = 16

    struct Slot {
        /// Zero is no destination.
        var destination: UInt32 = 0
        /// The first eight octets of the header, in the order of transmission: all of the destination and two
        /// of the source.
        var header: UInt64 = 0
        var validUntil = Instant(nanoseconds: 0)

        init() {}

        init(to neighbor: MACAddress, from mac: MACAddress) {
            header = (neighbor.bits << 16 | mac.bits >> 32).bigEndian
        }

        /// Writes the header of a frame from `mac`, which is the one of `init`.
        @inline(__always)
        func write(_ mac: MACAddress, carrying type: EtherType = .ipv4, into frame: inout MutableRawSpan) {
            frame.storeBytes(of: header, toByteOffset: 0, as: UInt64.self)
            frame.storeBytes(
                of: UInt32(truncatingIfNeeded: mac.bits).bigEndian, toByteOffset: 8, as: UInt32.self)
            frame.storeBytes(of: type.rawValue.bigEndian, toByteOffset: 12, as: UInt16.self)
        }
    }

    // On the heap: a caller that borrows the whole would otherwise copy it.
    private var slots = [Slot](repeating: Slot(), count: size)

    func slot(for destination: UInt32) -> Slot { slots[Self.index(destination)] }

    mutating func insert(_ slot: Slot) { slots[Self.index(slot.destination)] = slot }

    mutating func removeAll() { slots = [Slot](repeating: Slot(), count: Self.size) }

    private static func index(_ destination: UInt32) -> Int {
        Int((destination ^ destination >> 8) & UInt32(size - 1))
    }
}

/// The same for IPv6.
struct NextHopCacheV6 {
    private static let size = 16

    struct Slot {
        /// `any` is no destination.
        var destination = IPv6Address.any
        var hop = NextHopCache.Slot()
    }

    private var slots = [Slot](repeating: Slot(), count: size)

    func slot(for destination: IPv6Address) -> Slot { slots[Self.index(destination)] }

    mutating func insert(_ slot: Slot) { slots[Self.index(slot.destination)] = slot }

    mutating func removeAll() { slots = [Slot](repeating: Slot(), count: Self.size) }

    private static func index(_ destination: IPv6Address) -> Int {
        let folded = destination.upper ^ destination.lower
        return Int(truncatingIfNeeded: (folded ^ folded >> 32 ^ folded >> 8) & UInt64(size - 1))
    }
}
