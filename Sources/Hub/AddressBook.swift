import Synchronization
public import Wire

/// At which port which IP address of a hub was heard of, IPv4 addresses as mapped ones: for administrators,
/// and to tell whose an address is when a client claims it. Forwarding does without it.
///
/// Bounded: when it is full, addresses silent for longer than `lifetime` make room, or the new one is not
/// noted.
public final class AddressBook: Sendable {
    public static let capacity = 65_536
    /// Seconds.
    public static let lifetime: UInt64 = 1800
    /// Seconds between two attempts to make room. Each walks the whole book, and who asks for it is a peer.
    private static let sweepInterval: UInt64 = 10

    public struct Entry: Sendable {
        public var mac: MACAddress
        public var port: UInt16
        /// Monotonic seconds.
        public var seenAt: UInt64
        /// Its port is the only one that may ever have it.
        var isKept = false
    }

    private struct Book {
        var entries: [IPv6Address: Entry] = [:]
        /// The MAC addresses of ports that keep theirs, also while they are silent.
        var keptMACs: [MACAddress: UInt16] = [:]
        /// Monotonic seconds.
        var sweptAt: UInt64?

        /// Whether one more address may be noted; forgets silent ones for it now and then.
        mutating func hasRoom(at seconds: UInt64) -> Bool {
            guard entries.count >= AddressBook.capacity else { return true }
            if let sweptAt, seconds &- sweptAt < AddressBook.sweepInterval { return false }
            sweptAt = seconds
            entries = entries.filter { $0.value.isKept || seconds &- $0.value.seenAt <= AddressBook.lifetime }
            return entries.count < AddressBook.capacity
        }
    }

    private let book = Mutex(Book())

    /// Every address that was heard of within the lifetime, or is kept.
    func snapshot(at seconds: UInt64) -> [IPv6Address: Entry] {
        book.withLock {
            $0.entries.filter { $0.value.isKept || seconds &- $0.value.seenAt <= Self.lifetime }
        }
    }

    /// Notes where an address is, unless it is held where it was last heard of. False: it is.
    func note(_ address: IPv6Address, _ entry: Entry, unless isHeld: (Entry) -> Bool) -> Bool {
        book.withLock { book in
            if let known = book.entries[address] {
                guard !isHeld(known) else { return false }
            } else if !book.hasRoom(at: entry.seenAt) {
                return true
            }
            book.entries[address] = entry
            return true
        }
    }

    /// The port has given the address up.
    func withdraw(_ address: IPv6Address, from port: UInt16) {
        book.withLock { book in
            if book.entries[address]?.port == port { book.entries[address] = nil }
        }
    }

    /// The MAC address is that port's own, however long it is silent.
    func keep(_ mac: MACAddress, for port: UInt16) {
        book.withLock { book in
            guard book.keptMACs.count < Self.capacity else { return }
            book.keptMACs[mac] = port
        }
    }

    /// The port that keeps a MAC address for itself; it may be gone.
    func keeper(of mac: MACAddress) -> UInt16? { book.withLock { $0.keptMACs[mac] } }

    /// Forgets what is of no use any more.
    func sweep(isThere: (Entry) -> Bool) {
        book.withLock { book in
            book.entries = book.entries.filter { isThere($0.value) }
            book.keptMACs = book.keptMACs.filter {
                isThere(Entry(mac: $0.key, port: $0.value, seenAt: 0))
            }
        }
    }
}
