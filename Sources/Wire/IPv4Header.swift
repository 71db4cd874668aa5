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
        let start = output.count
        output.appendZeros(IPv4Packet.minHeaderLength)
        var span = output.mutableSpan
        var bytes = unsafe span.mutableBytes
        var header = bytes._mutatingExtracting(droppingFirst: start)
        write(to: &header)
    }

    /// Writes the header, 20 octets, into a buffer that has as many.
    public func write(to output: inout MutableRawSpan) {
        let totalLength = IPv4Packet.minHeaderLength + payloadLength
        precondition(totalLength <= IPv4Packet.maxLength, "Total Length is a 16-bit field")
        precondition(output.byteCount == IPv4Packet.minHeaderLength, "a buffer of another length")
        let words: InlineArray<5, UInt32> = [
            0x4500_0000 | UInt32(totalLength),
            UInt32(identification) << 16 | (dontFragment ? 0x4000 : 0),
            UInt32(timeToLive) << 24 | UInt32(self.protocol.rawValue) << 16,
            source.bits, destination.bits,
        ]
        for index in 0..<5 {
            output.storeBytes(of: words[index].bigEndian, toByteOffset: 4 * index, as: UInt32.self)
        }
        let checksum = InternetChecksum.of(output.bytes)
        output.storeBytes(of: checksum.bigEndian, toByteOffset: 10, as: UInt16.self)
    }
}
