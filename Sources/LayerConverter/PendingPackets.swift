import Wire

/// Packets that wait for the MAC address of their next hop, RFC 1122 §2.3.2.2 and RFC 4861 §7.2.2. When full,
/// new ones are refused.
struct PendingPackets<Address: Hashable> {
    static var maxPackets: Int { 32 }
    static var maxOfOneHop: Int { 8 }

    private var packets: [(nextHop: Address, packet: [UInt8])] = []

    mutating func append(_ packet: [UInt8], for nextHop: Address) -> Bool {
        guard packets.count < Self.maxPackets,
            packets.count(where: { $0.nextHop == nextHop }) < Self.maxOfOneHop
        else { return false }
        packets.append((nextHop, packet))
        return true
    }

    /// Takes out those that wait for `nextHop`, in their order.
    mutating func take(for nextHop: Address) -> [[UInt8]] {
        let taken = packets.filter { $0.nextHop == nextHop }.map(\.packet)
        packets.removeAll { $0.nextHop == nextHop }
        return taken
    }

    mutating func removeAll() { packets.removeAll() }
}
