/// Lowers the Maximum Segment Size of TCP SYNs in place, so that segments fit through the tunnel
/// (RFC 4459 §3.2 tells why). Allocates nothing; what is no SYN costs a few loads. Malformed packets,
/// fragments without the TCP header and SYNs without the option stay as they are.
public struct MSSClamp: Sendable {
    public let mtu: Int

    /// `mtu`: octets of an IP packet that the tunnel carries whole; the limit of the MSS is this less the
    /// fixed headers of IP and TCP.
    public init(mtu: Int) { self.mtu = mtu }

    /// `packet` is an IPv4 or IPv6 packet. Returns whether it was changed.
    @discardableResult
    public func lower(inPacket packet: inout MutableRawSpan) -> Bool {
        guard let change = change(in: packet.bytes, startingAt: 0) else { return false }
        change.apply(to: &packet)
        return true
    }

    /// `frame` is an Ethernet frame, perhaps tagged. Returns whether it was changed.
    @discardableResult
    public func lower(inFrame frame: inout MutableRawSpan) -> Bool {
        guard let change = change(inFrame: frame.bytes) else { return false }
        change.apply(to: &frame)
        return true
    }

    /// The same on memory that the caller lends for the call.
    /// - Safety: `start` points to `count` octets that nobody else reads or writes meanwhile.
    @unsafe @discardableResult
    public func lower(inPacket start: UnsafeMutableRawPointer, count: Int) -> Bool {
        var packet = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
        return lower(inPacket: &packet)
    }

    /// The same on memory that the caller lends for the call.
    /// - Safety: `start` points to `count` octets that nobody else reads or writes meanwhile.
    @unsafe @discardableResult
    public func lower(inFrame start: UnsafeMutableRawPointer, count: Int) -> Bool {
        var frame = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
        return lower(inFrame: &frame)
    }

    /// Two words to write, found while the packet could only be read.
    private struct Change {
        var limit: UInt16
        var limitOffset: Int
        var checksum: UInt16
        var checksumOffset: Int

        func apply(to bytes: inout MutableRawSpan) {
            bytes.storeBytes(of: limit.bigEndian, toByteOffset: limitOffset, as: UInt16.self)
            bytes.storeBytes(of: checksum.bigEndian, toByteOffset: checksumOffset, as: UInt16.self)
        }
    }

    private func change(inFrame bytes: RawSpan) -> Change? {
        guard let frame = EthernetFrame(bytes) else { return nil }
        if frame.etherType == .ipv4 { return change(in: bytes, startingAt: EthernetFrame.headerLength) }
        guard let content = try? frame.content(),
            content.etherType == .ipv4 || content.etherType == .ipv6
        else { return nil }
        return change(in: bytes, startingAt: content.offset)
    }

    @inline(__always)
    private func change(in bytes: RawSpan, startingAt start: Int) -> Change? {
        guard bytes.byteCount >= start &+ 40 else { return nil }
        switch bytes.bigEndian(at: start, as: UInt8.self) >> 4 {
        case 4:
            guard bytes.bigEndian(at: start + 9, as: UInt8.self) == IPProtocol.tcp.rawValue,
                bytes.bigEndian(at: start + 6, as: UInt16.self) & 0x1fff == 0
            else { return nil }
            let ihl = Int(bytes.bigEndian(at: start, as: UInt8.self) & 0x0f) * 4
            guard ihl >= IPv4Packet.minHeaderLength else { return nil }
            return change(in: bytes, tcp: start + ihl, limit: mtu - IPv4Packet.minHeaderLength)
        case 6:
            guard let tcp = Self.offsetOfTCP(inIPv6: bytes, startingAt: start) else { return nil }
            return change(in: bytes, tcp: tcp, limit: mtu - IPv6Packet.headerLength)
        case _: return nil
        }
    }

    private static func offsetOfTCP(inIPv6 bytes: RawSpan, startingAt start: Int) -> Int? {
        let next = IPProtocol(rawValue: bytes.bigEndian(at: start + 6))
        if next == .tcp { return start + IPv6Packet.headerLength }
        guard next != .udp, let packet = IPv6Packet(bytes.extracting(droppingFirst: start)),
            let upper = try? packet.upperLayer(), upper.protocol == .tcp, upper.fragmentOffset == 0
        else { return nil }
        return start + upper.offset
    }

    /// Most segments are no SYN and end here.
    @inline(__always)
    private func change(in bytes: RawSpan, tcp: Int, limit: Int) -> Change? {
        guard bytes.byteCount &- TCPSegment.minHeaderLength >= tcp,
            bytes.bigEndian(at: tcp &+ 13, as: UInt8.self) & TCPSegment.Flags.syn.rawValue != 0
        else { return nil }
        return change(inSYN: bytes, tcp: tcp, limit: limit)
    }

    @inline(never)
    private func change(inSYN bytes: RawSpan, tcp: Int, limit: Int) -> Change? {
        guard let segment = TCPSegment(bytes.extracting(droppingFirst: tcp)),
            let offset = TCPSegment.offsetOfMSS(in: segment.options)
        else { return nil }
        let old = segment.options.bigEndian(at: offset, as: UInt16.self)
        let new = UInt16(clamping: limit - TCPSegment.minHeaderLength)
        guard old > new else { return nil }
        // At an odd offset the value straddles two words of the sum, as if its octets were swapped.
        let isOdd = offset & 1 != 0
        return Change(
            limit: new, limitOffset: tcp + TCPSegment.minHeaderLength + offset,
            checksum: InternetChecksum.updated(
                segment.checksum, replacing: isOdd ? old.byteSwapped : old,
                with: isOdd ? new.byteSwapped : new),
            checksumOffset: tcp + 16)
    }
}
