import Testing
import Wire

/// The DHCPOFFER of a small router, up to and including the magic cookie.
private let fixedPart =
    hex(
        """
        02 01 06 00  // BOOTREPLY, Ethernet, 6, no hops
        39 03 f3 26  // xid
        00 00 80 00  // secs 0, broadcast
        00 00 00 00  // ciaddr
        c0 a8 1e 0a  // yiaddr 192.168.30.10
        c0 a8 1e 01  // siaddr
        00 00 00 00  // giaddr
        5e 00 00 00 00 01  // chaddr
        """) + [UInt8](repeating: 0, count: 10 + 64 + 128) + hex("63 82 53 63")
private let options = hex(
    """
    35 01 02              // DHCPOFFER
    36 04 c0 a8 1e 01     // server identifier
    33 04 00 00 1c 20     // lease 7200 s
    01 04 ff ff ff 00     // mask
    06 08 c0 a8 1e 01 08 08 08 08
    0f 05 6c 6f 63 61 6c  // domain "local"
    e0 02 ca fe           // site-specific: unknown
    ff
    """)
private let xid: UInt32 = 0x3903_f326

@Suite struct DHCPMessageTests {
    @Test func `an offer is read`() throws {
        let offer = try parse(fixedPart + options)
        #expect(offer.op == .bootReply)
        #expect(offer.type == .offer)
        #expect(offer.xid == xid)
        #expect(offer.isBroadcast)
        #expect(offer.yiaddr == IPv4Address("192.168.30.10"))
        #expect(offer.chaddr == MACAddress(0x5e00_0000_0001))
        #expect(offer.options.address(.serverIdentifier) == IPv4Address("192.168.30.1"))
        #expect(offer.options.duration(.leaseTime) == .seconds(7200))
        #expect(
            offer.options.addresses(.domainNameServer) == ["192.168.30.1", "8.8.8.8"].map { IPv4Address($0) })
        #expect(offer.options.text(.domainName) == "local")
        #expect(offer.options[DHCPOptionCode(rawValue: 0xe0)] == [0xca, 0xfe])
        #expect(offer.options[.router] == nil)
    }

    @Test func `an offer is written as it was read, padded to 300 octets`() throws {
        let golden = fixedPart + options
        let bytes = try parse(golden).bytes
        #expect(bytes.count == DHCPMessage.minLength)
        #expect(bytes.prefix(golden.count) == golden[...])
        #expect(bytes.dropFirst(golden.count).allSatisfy { $0 == 0 })
        #expect(try parse(bytes) == parse(golden))
    }

    @Test func `every prefix is refused`() {
        let golden = fixedPart + options
        for count in 0..<golden.count {
            #expect(throws: WireError.self) { try parse(Array(golden[..<count])) }
        }
    }

    @Test(arguments: [5, 100, 255] as [UInt8]) func `an option longer than the rest is refused`(length: UInt8)
    {
        #expect(throws: WireError.badLength) { try parse(fixedPart + [53, 1, 2, 12, length, 0x61, 255]) }
    }

    @Test func `two message types are refused`() {
        #expect(throws: WireError.badValue) { try parse(fixedPart + [53, 1, 2, 53, 1, 5, 255]) }
        // Nor are they joined where one is empty.
        #expect(throws: WireError.badValue) { try parse(fixedPart + [53, 0, 53, 1, 2, 255]) }
    }

    @Test func `BOOTP, without a message type, is refused`() {
        #expect(throws: WireError.badValue) { try parse(fixedPart + [1, 4, 255, 0, 0, 0, 255]) }
        #expect(throws: WireError.badValue) { try parse(fixedPart + [53, 0, 255]) }
        #expect(throws: WireError.badValue) { try parse(fixedPart + [53, 2, 2, 2, 255]) }
    }

    @Test(arguments: [(0, 3), (1, 6), (2, 16), (2, 5), (236, 0)] as [(Int, UInt8)])
    func `another op, hardware, address length or cookie is refused`(offset: Int, value: UInt8) {
        var other = fixedPart + options
        other[offset] = value
        #expect(throws: WireError.self) { try parse(other) }
    }

    @Test func `an overloaded file and sname hold options`() throws {
        var message = fixedPart + [53, 1, 2, 52, 1, 3, 12, 1, 0x61, 255]
        message.replaceSubrange(108..<116, with: [12, 1, 0x62, 51, 0, 255, 9, 9])  // file
        message.replaceSubrange(44..<48, with: [12, 1, 0x63, 255])  // sname
        let parsed = try parse(message)
        #expect(parsed.options.text(.hostName) == "abc")
        #expect(parsed.options[.leaseTime] == [])
        #expect(parsed.options[.overload] == nil)
        #expect(parsed.sname.isEmpty && parsed.file.isEmpty)
    }

    @Test func `an overload inside an overloaded field is not followed`() throws {
        var message = fixedPart + [53, 1, 2, 52, 1, 1, 255]
        message.replaceSubrange(108..<112, with: [52, 1, 3, 255])
        message.replaceSubrange(44..<46, with: [53, 1])  // would be a second message type
        #expect(try parse(message).type == .offer)
    }

    @Test(arguments: [[52, 1, 0], [52, 1, 4], [52, 0], [52, 1, 1, 52, 1, 1]] as [[UInt8]])
    func `a bad overload is refused`(option: [UInt8]) {
        #expect(throws: WireError.self) { try parse(fixedPart + [53, 1, 2] + option + [255]) }
    }

    @Test func `an overloaded field without End is refused`() {
        let message = fixedPart + [53, 1, 2, 52, 1, 1, 255]
        #expect(throws: WireError.truncated) { try parse(message) }
    }

    @Test(arguments: [0, 1, 255, 256, 510, 700])
    func `a long option is split and joined, RFC 3396`(count: Int) throws {
        var message = DHCPMessage(.bootRequest, .discover, xid: 1, chaddr: MACAddress(2))
        message.options[.classlessStaticRoutes] = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try parse(message.bytes) == message)
    }

    @Test func `a value of the wrong length is as none`() {
        var options = DHCPOptions()
        options[.leaseTime] = [1, 2, 3]
        options[.domainNameServer] = [1, 2, 3, 4, 5]
        options[.domainName] = Array("a\u{1b}[2J".utf8)
        #expect(options.duration(.leaseTime) == nil)
        #expect(options.addresses(.domainNameServer).isEmpty)
        #expect(options.text(.domainName) == nil)
        options[.domainName] = Array("lan\0\0".utf8)
        #expect(options.text(.domainName) == "lan")
    }

    @Test func `setting an option replaces it in place, nil removes it`() {
        var options = DHCPOptions()
        options.set(.hostName, "a")
        options.set(.router, IPv4Address(1))
        options.set(.hostName, "b")
        #expect(options.list.map(\.code) == [.hostName, .router])
        options[.hostName] = nil
        #expect(options.list.map(\.code) == [.router])
    }

    private func parse(_ bytes: [UInt8]) throws -> DHCPMessage {
        var reader = ByteReader(bytes.rawSpan)
        return try DHCPMessage(parsing: &reader)
    }
}
