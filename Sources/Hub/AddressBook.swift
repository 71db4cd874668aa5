import Synchronization
public import Wire

/// Which IPv4 addresses were seen in a hub, from ARP alone: for administrators, not for forwarding.
/// Bounded: when it is full, addresses silent for longer than `lifetime` make room, or the new one is not
/// noted.
public final class AddressBook: Sendable {
    public static let capacity = 16_384
    /// Seconds.
    public static let lifetime: UInt64 = 1800

    public struct Entry: Sendable {
        public var mac: MACAddress
        public var port: UInt16
        /// Monotonic seconds.
        public var seenAt: UInt64
    }

    private let entries = Mutex<[IPv4Address: Entry]>([:])

    /// Every address that was seen within the lifetime.
    public func snapshot(at seconds: UInt64) -> [IPv4Address: Entry] {
        entries.withLock { $0.filter { seconds &- $0.value.seenAt <= Self.lifetime } }
    }

    /// Notes the sender of an ARP packet whose claim agrees with its frame.
    func note(_ frame: RawSpan, on port: UInt16, at seconds: UInt64) {
        guard let ethernet = EthernetFrame(frame) else { return }
        var reader = ByteReader(ethernet.payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.senderMAC == ethernet.source,
            packet.senderAddress != .any
        else { return }
        entries.withLock { entries in
            if entries.count >= Self.capacity, entries[packet.senderAddress] == nil {
                entries = entries.filter { seconds &- $0.value.seenAt <= Self.lifetime }
                guard entries.count < Self.capacity else { return }
            }
            entries[packet.senderAddress] = Entry(mac: packet.senderMAC, port: port, seenAt: seconds)
        }
    }
}
