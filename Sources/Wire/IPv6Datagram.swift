/// A whole IPv6 packet of our own making, to be sent: the fixed header (RFC 8200 §3) and one upper-layer
/// message, whose checksum is filled in. No extension headers.
public struct IPv6Datagram: Equatable, Sendable {
    public var source: IPv6Address
    public var destination: IPv6Address
    /// RFC 4861 demands 255 of neighbour discovery.
    public var hopLimit: UInt8 = 255
    public var `protocol`: IPProtocol
    /// With zeros where its checksum belongs.
    public var payload: [UInt8]

    private init(
        from source: IPv6Address, to destination: IPv6Address, carrying: IPProtocol, _ payload: [UInt8]
    ) {
        self.source = source
        self.destination = destination
        self.protocol = carrying
        self.payload = payload
    }

    public init(_ message: NeighborDiscovery, from source: IPv6Address, to destination: IPv6Address) {
        var payload: [UInt8] = []
        message.serialize(into: &payload)
        self.init(from: source, to: destination, carrying: .icmpV6, payload)
    }

    /// A UDP datagram.
    public init(
        udp payload: [UInt8], from source: IPv6Address, port sourcePort: UInt16,
        to destination: IPv6Address, port destinationPort: UInt16
    ) {
        var datagram: [UInt8] = []
        datagram.appendBigEndian(sourcePort)
        datagram.appendBigEndian(destinationPort)
        datagram.appendBigEndian(UInt16(UDPDatagram.headerLength + payload.count))
        datagram.appendZeros(2)
        self.init(from: source, to: destination, carrying: .udp, datagram + payload)
    }

    public var bytes: [UInt8] {
        var output: [UInt8] = []
        serialize(into: &output)
        return output
    }

    public func frame(to neighbor: MACAddress, from mac: MACAddress) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(EthernetFrame.headerLength + IPv6Packet.headerLength + payload.count)
        output.appendEthernetHeader(to: neighbor, from: mac, carrying: .ipv6)
        serialize(into: &output)
        return output
    }

    private func serialize(into output: inout [UInt8]) {
        output.appendBigEndian(0x6000_0000 as UInt32)
        output.appendBigEndian(UInt16(payload.count))
        output += [self.protocol.rawValue, hopLimit]
        output.append(source)
        output.append(destination)
        let start = output.count
        output += payload
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            from: source, to: destination, carrying: self.protocol, length: payload.count)
        sum.add(payload.rawSpan)
        // UDP's zero would mean that there is none; for ICMPv6 both forms of zero are the same.
        let checksum = sum.value == 0 ? 0xffff : sum.value
        let offset = start + (self.protocol == .udp ? 6 : 2)
        output[offset] = UInt8(checksum >> 8)
        output[offset + 1] = UInt8(checksum & 0xff)
    }
}
