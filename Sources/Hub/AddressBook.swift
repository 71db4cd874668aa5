import Synchronization
public import Wire

/// Which IPv4 addresses were seen in a hub, from ARP alone: for administrators, not for forwarding.
/// Bounded: when it is full, addresses silent for longer than `lifetime` make room, or the new one is not
/// noted.
public final class AddressBook: Sendable {
    public static let capacity = 16_384
    /// Seconds.
    public static let lifetime: UInt64 = 1800
    /// Seconds between two attempts to make room. Each walks the whole book, and who asks for it is a peer.
    private static let sweepInterval: UInt64 = 10

    public struct Entry: Sendable {
        public var mac: MACAddress
        public var port: UInt16
        /// Monotonic seconds.
        public var seenAt: UInt64
    }

    private struct Book {
        var entries: [IPv4Address: Entry] = [:]
        /// Monotonic seconds.
        var sweptAt: UInt64?

        /// Whether one more address may be noted; forgets silent ones for it now and then.
        mutating func hasRoom(at seconds: UInt64) -> Bool {
            guard entries.count >= AddressBook.capacity else { return true }
            if let sweptAt, seconds &- sweptAt < AddressBook.sweepInterval { return false }
            sweptAt = seconds
            entries = entries.filter { seconds &- $0.value.seenAt <= AddressBook.lifetime }
            return entries.count < AddressBook.capacity
        }
    }

    private let book = Mutex(Book())

    /// Every address that was seen within the lifetime.
    public func snapshot(at seconds: UInt64) -> [IPv4Address: Entry] {
        book.withLock { $0.entries.filter { seconds &- $0.value.seenAt <= Self.lifetime } }
    }

    /// Notes the sender of an ARP packet whose claim agrees with its frame.
    func note(_ frame: RawSpan, on port: UInt16, at seconds: UInt64) {
        guard let ethernet = EthernetFrame(frame) else { return }
        var reader = ByteReader(ethernet.payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.senderMAC == ethernet.source,
            packet.senderAddress != .any
        else { return }
        let entry = Entry(mac: packet.senderMAC, port: port, seenAt: seconds)
        book.withLock { book in
            guard book.entries[packet.senderAddress] != nil || book.hasRoom(at: seconds) else { return }
            book.entries[packet.senderAddress] = entry
        }
    }
}
