import Testing
import Wire

/// An Advertise of dnsmasq.
private let advertise = hex(
    """
    02 12 34 56               // Advertise
    00 01 00 0a 00 03 00 01 5e 00 00 00 00 01  // Client Identifier
    00 02 00 0a 00 03 00 01 02 00 00 00 00 01  // Server Identifier
    00 03 00 28 00 00 00 01 00 00 07 08 00 00 0b 40  // IA_NA, T1 1800, T2 2880
    00 05 00 18 20 01 0d b8 00 30 00 00 00 00 00 00 00 00 01 23 00 00 0e 10 00 00 0e 10
    00 07 00 01 ff            // Preference
    00 17 00 10 20 01 0d b8 00 30 00 00 00 00 00 00 00 00 00 53  // name server
    00 18 00 11 03 6c 61 6e 07 65 78 61 6d 70 6c 65 03 6f 72 67 00
    """)

@Suite struct DHCPv6MessageTests {
    @Test func `an Advertise with everything`() throws {
        let message = try parse(advertise)
        #expect(message.type == .advertise)
        #expect(message.transactionID == 0x12_3456)
        #expect(message.options[.clientIdentifier] == [0, 3, 0, 1, 0x5e, 0, 0, 0, 0, 1])
        #expect(message.options.integer(.preference, as: UInt8.self) == 255)
        #expect(message.options.addresses(.nameServers) == [IPv6Address("2001:db8:30::53")!])
        #expect(message.options.domains == ["lan.example.org"])
        #expect(message.options.status == 0)
        let association = try DHCPv6Association(parsing: message.options[.identityAssociation] ?? [])
        #expect(
            association
                == DHCPv6Association(
                    id: 1, t1: 1800, t2: 2880,
                    addresses: [
                        .init(
                            IPv6Address("2001:db8:30::123")!, preferredLifetime: 3600, validLifetime: 3600)
                    ]))
        #expect(association.option.value == message.options[.identityAssociation])
        #expect(message.bytes == advertise)
    }

    @Test func `every prefix but those between options is refused`() {
        let ends = [4, 18, 32, 76, 81, 101]
        for count in 0..<advertise.count where !ends.contains(count) {
            #expect(throws: WireError.self) { try parse(Array(advertise[..<count])) }
        }
    }

    @Test func `relays' messages are none`() {
        for type: UInt8 in [12, 13] {
            #expect(throws: WireError.self) { try parse([type] + advertise.dropFirst()) }
        }
    }

    @Test func `every prefix of an association but those between its options is refused`() throws {
        let value = try parse(advertise).options[.identityAssociation] ?? []
        for count in 0..<value.count where count != 12 {
            #expect(throws: WireError.self) { try DHCPv6Association(parsing: Array(value[..<count])) }
        }
    }

    @Test func `associations whose times contradict each other`() throws {
        var value = try parse(advertise).options[.identityAssociation] ?? []
        value[11] = 0  // T2 2816
        #expect(try DHCPv6Association(parsing: value).t2 == 2816)
        value[10] = 1  // T2 256, before T1
        #expect(throws: WireError.self) { try DHCPv6Association(parsing: value) }
        value[10] = 11
        value[35] = 17  // the address preferred for longer than it is valid
        value[34] = 14
        #expect(try DHCPv6Association(parsing: value).addresses.isEmpty)
    }

    private func parse(_ bytes: [UInt8]) throws -> DHCPv6Message {
        var reader = ByteReader(bytes.rawSpan)
        return try DHCPv6Message(parsing: &reader)
    }
}
