import Synchronization
public import Wire

/// Where each MAC address of a hub was last seen: MAC to port, aged, bounded, shared by all lanes without a
/// lock.
///
/// The table is 8192 sets of 8 words, a set being one cache line, so a look-up touches one line. A word holds
/// everything about one address and is read and written atomically:
///
///     | tag: 35 bits | stamp: 10 bits | port: 16 bits |       port 0: the word is empty
///
/// The 48-bit address is scrambled by a keyed bijection; its low 13 bits choose the set and the other 35 are
/// the tag, so nothing of it is lost, and nobody outside can aim a flood of addresses at one set. A full set
/// forgets the address that was silent longest. Two lanes that learn one new address at the same moment may
/// fill two words; the first one is found, and the other ages.
@safe public final class ForwardingTable: @unchecked Sendable {
    public static let setCount = 8192
    public static let capacity = setCount * ways
    static let ways = 8

    /// Seconds after which a silent address is forgotten; IEEE 802.1Q's recommended default.
    public static let defaultAgeing: UInt64 = 300
    /// A stamp counts seconds modulo 1024, so what is older than that must have been swept.
    static let maxAgeing: UInt64 = 600

    private let memory = ZeroedWords<Atomic<UInt64>>(count: capacity)
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let key: UInt64
    private let ageing: UInt64

    /// - Parameters:
    ///   - key: random, so that the places of addresses cannot be foreseen.
    ///   - ageing: seconds, at most 600.
    public init(key: UInt64, ageing: UInt64 = defaultAgeing) {
        precondition(ageing <= Self.maxAgeing, "ageing is bounded by the width of the stamp")
        self.key = key & Scramble.mask
        self.ageing = ageing
        unsafe words = memory.start
    }

    deinit { memory.free() }

    /// The port on which `mac` was last seen, or 0.
    public func port(of mac: MACAddress, at seconds: UInt64) -> UInt16 { holder(of: mac, at: seconds).port }

    /// The port on which `mac` was last seen, or 0, and how many seconds ago.
    @inline(__always)
    func holder(of mac: MACAddress, at seconds: UInt64) -> (port: UInt16, age: UInt64) {
        let place = Place(Scramble.forward(mac.bits ^ key))
        let set = unsafe words + place.set
        for way in 0..<Self.ways {
            let word = Word(rawValue: unsafe set[way].load(ordering: .relaxed))
            if word.tag == place.tag, word.port != 0 {
                let age = word.age(at: seconds)
                return age <= ageing ? (word.port, age) : (0, 0)
            }
        }
        return (0, 0)
    }

    /// Notes that `mac` was seen on `port`. Returns the port on which it stood before, 0 if it was unknown.
    @discardableResult
    public func learn(_ mac: MACAddress, on port: UInt16, at seconds: UInt64) -> UInt16 {
        let place = Place(Scramble.forward(mac.bits ^ key))
        let fresh = Word(tag: place.tag, seconds: seconds, port: port)
        let set = unsafe words + place.set
        var victim = 0
        var victimAge: UInt64 = 0
        for way in 0..<Self.ways {
            let word = Word(rawValue: unsafe set[way].load(ordering: .relaxed))
            if word.tag == place.tag, word.port != 0 {
                if word.rawValue != fresh.rawValue {
                    unsafe set[way].store(fresh.rawValue, ordering: .relaxed)
                }
                return word.age(at: seconds) <= ageing ? word.port : 0
            }
            let age = word.port == 0 ? UInt64.max : word.age(at: seconds)
            if age > victimAge { (victim, victimAge) = (way, age) }
        }
        unsafe set[victim].store(fresh.rawValue, ordering: .relaxed)
        return 0
    }

    /// Forgets what is older than the ageing time, and what stands on ports that are gone. To be called at
    /// least every 400 seconds. Walks the whole table.
    func sweep(at seconds: UInt64, isThere: (UInt16) -> Bool) {
        removeAll { $0.age(at: seconds) > ageing || !isThere($0.port) }
    }

    /// Every address with its port and the seconds since it was last seen, in no order.
    func snapshot(at seconds: UInt64) -> [(mac: MACAddress, port: UInt16, age: UInt64)] {
        var rows: [(mac: MACAddress, port: UInt16, age: UInt64)] = []
        for index in 0..<Self.capacity {
            let word = Word(rawValue: unsafe words[index].load(ordering: .relaxed))
            guard word.port != 0, word.age(at: seconds) <= ageing else { continue }
            let scrambled = word.tag << Place.setBits | UInt64(index / Self.ways)
            rows.append((MACAddress(Scramble.backward(scrambled) ^ key), word.port, word.age(at: seconds)))
        }
        return rows
    }

    private func removeAll(where isDoomed: (Word) -> Bool) {
        for index in 0..<Self.capacity {
            let word = Word(rawValue: unsafe words[index].load(ordering: .relaxed))
            guard word.port != 0, isDoomed(word) else { continue }
            // Lost when the address was seen again meanwhile, and rightly so.
            _ = unsafe words[index].compareExchange(expected: word.rawValue, desired: 0, ordering: .relaxed)
        }
    }
}

extension ForwardingTable {
    /// One entry.
    private struct Word {
        let rawValue: UInt64
        init(rawValue: UInt64) { self.rawValue = rawValue }
        init(tag: UInt64, seconds: UInt64, port: UInt16) {
            rawValue = tag << 26 | (seconds & 0x3ff) << 16 | UInt64(port)
        }
        var tag: UInt64 { rawValue >> 26 }
        var port: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
        func age(at seconds: UInt64) -> UInt64 { (seconds &- (rawValue >> 16)) & 0x3ff }
    }

    /// Where a scrambled address belongs.
    private struct Place {
        static let setBits: UInt64 = 13
        let set: Int
        let tag: UInt64
        init(_ scrambled: UInt64) {
            set = Int(scrambled & (1 << Self.setBits - 1)) * ForwardingTable.ways
            tag = scrambled >> Self.setBits
        }
    }
}

/// A bijection of 48-bit numbers that spreads every bit over all of them.
enum Scramble {
    static let mask: UInt64 = 0xffff_ffff_ffff
    private static let multiplier: UInt64 = 0x9e37_79b9_7f4b
    /// `multiplier * inverse == 1` modulo 2^48.
    private static let inverse: UInt64 = {
        var x = multiplier  // Correct to 3 bits; Newton's step doubles them.
        for _ in 0..<5 { x = x &* (2 &- multiplier &* x) }
        return x & mask
    }()

    static func forward(_ value: UInt64) -> UInt64 {
        var x = value
        x ^= x >> 24
        x = x &* multiplier & mask
        x ^= x >> 24
        x = x &* multiplier & mask
        return x ^ x >> 24
    }

    static func backward(_ value: UInt64) -> UInt64 {
        var x = value ^ value >> 24
        x = x &* inverse & mask
        x ^= x >> 24
        x = x &* inverse & mask
        return x ^ x >> 24
    }
}
