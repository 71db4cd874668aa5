/// One end of a UDP datagram on a segment.
public struct UDPEndpoint: Equatable, Sendable {
    public var mac: MACAddress
    public var address: IPv4Address
    public var port: UInt16

    public init(mac: MACAddress, address: IPv4Address, port: UInt16) {
        self.mac = mac
        self.address = address
        self.port = port
    }
}

/// A whole Ethernet frame with one unfragmented IPv4 packet with one UDP datagram, to be sent.
public struct UDPFrame: Equatable, Sendable {
    public static let overhead =
        EthernetFrame.headerLength + IPv4Packet.minHeaderLength + UDPDatagram.headerLength

    public var source: UDPEndpoint
    public var destination: UDPEndpoint
    public var payload: [UInt8]

    public init(from source: UDPEndpoint, to destination: UDPEndpoint, payload: [UInt8]) {
        self.source = source
        self.destination = destination
        self.payload = payload
    }

    public func serialize(into output: inout [UInt8]) {
        let length = UDPDatagram.headerLength + payload.count
        output.reserveCapacity(output.count + Self.overhead + payload.count)
        output.appendEthernetHeader(to: destination.mac, from: source.mac, carrying: .ipv4)
        IPv4Header(from: source.address, to: destination.address, carrying: .udp, length: length)
            .serialize(into: &output)
        let start = output.count
        output.appendBigEndian(source.port)
        output.appendBigEndian(destination.port)
        output.appendBigEndian(UInt16(length))
        output.appendBigEndian(0 as UInt16)
        output += payload

        var sum = InternetChecksum()
        sum.addPseudoHeader(from: source.address, to: destination.address, carrying: .udp, length: length)
        sum.add(output.rawSpan.extracting(droppingFirst: start))
        // A computed zero is sent as its other form, since zero means "no checksum".
        let checksum = sum.value == 0 ? 0xffff : sum.value
        output[start + 6] = UInt8(checksum >> 8)
        output[start + 7] = UInt8(checksum & 0xff)
    }

    public var bytes: [UInt8] {
        var output: [UInt8] = []
        serialize(into: &output)
        return output
    }
}
