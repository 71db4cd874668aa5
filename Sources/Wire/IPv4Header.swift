/// An IPv4 header without options, RFC 791 §3.1, to be written before `payloadLength` octets.
public struct IPv4Header: Equatable, Sendable {
    public var source: IPv4Address
    public var destination: IPv4Address
    public var `protocol`: IPProtocol
    public var payloadLength: Int
    public var identification: UInt16 = 0
    public var dontFragment = false
    public var timeToLive: UInt8 = 64

    public init(from source: IPv4Address, to destination: IPv4Address, carrying: IPProtocol, length: Int) {
        self.source = source
        self.destination = destination
        self.protocol = carrying
        payloadLength = length
    }

    public func serialize(into output: inout [UInt8]) {
        let totalLength = IPv4Packet.minHeaderLength + payloadLength
        precondition(totalLength <= IPv4Packet.maxLength, "Total Length is a 16-bit field")
        let start = output.count
        output.appendBigEndian(0x4500 as UInt16)
        output.appendBigEndian(UInt16(totalLength))
        output.appendBigEndian(identification)
        output.appendBigEndian((dontFragment ? 0x4000 : 0) as UInt16)
        output += [timeToLive, self.protocol.rawValue, 0, 0]
        output.appendBigEndian(source.bits)
        output.appendBigEndian(destination.bits)
        let checksum = InternetChecksum.of(output.rawSpan.extracting(droppingFirst: start))
        output[start + 10] = UInt8(checksum >> 8)
        output[start + 11] = UInt8(checksum & 0xff)
    }
}
