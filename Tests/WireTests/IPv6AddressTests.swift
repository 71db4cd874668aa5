import Testing
import Wire

@Suite struct IPv6AddressTests {
    /// What is written, and what may be read for it. RFC 5952 §4 and RFC 4291 §2.2.
    @Test(
        arguments: [
            ("::", ["::", "0:0:0:0:0:0:0:0", "0::0", "::0.0.0.0"]),
            ("::1", ["::1", "0:0:0:0:0:0:0:1", "0::1", "::0001"]),
            ("2001:db8::1", ["2001:DB8:0:0:0:0:0:1", "2001:0db8::0001", "2001:db8::0:1"]),
            ("2001:db8:0:1:1:1:1:1", ["2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"]),
            ("2001:0:0:1::1", ["2001:0:0:1:0:0:0:1"]),
            ("2001:db8::1:0:0:1", ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"]),
            ("1::", ["1:0:0:0:0:0:0:0", "1::", "1::0"]),
            ("1:2:3:4:5:6:7:8", ["1:2:3:4:5:6:7:8"]),
            ("1:2:3:4:5:6:7:0", ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"]),
            ("0:2:3:4:5:6:7:8", ["::2:3:4:5:6:7:8"]),
            ("::ffff:192.0.2.1", ["::ffff:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]),
            ("64:ff9b::c000:201", ["64:ff9b::192.0.2.1"]),
        ] as [(String, [String])])
    func `every form is read, one is written`(canonical: String, forms: [String]) throws {
        for form in forms {
            let address = try #require(IPv6Address(form), "\(form)")
            #expect(address.description == canonical, "\(form)")
        }
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", ":1::", "1::2:", "12345::", "g::", "+1::", "::1%eth0", "1.2.3.4", "1.2.3.4::",
        "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", " ::1", "::-1",
    ])
    func `anything else is refused`(text: String) { #expect(IPv6Address(text) == nil) }

    @Test func `kinds of addresses`() throws {
        #expect(try #require(IPv6Address("ff02::1")).isMulticast)
        #expect(try #require(IPv6Address("fe80::1")).isLinkLocal)
        #expect(try #require(IPv6Address("febf::1")).isLinkLocal)
        #expect(try !#require(IPv6Address("fec0::1")).isLinkLocal)
    }

    @Test func `text survives a round trip`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            // Sparse bits, so that runs of zero groups of every shape occur.
            let address = IPv6Address(
                .random(in: 0 ... .max, using: &random) & .random(in: 0 ... .max, using: &random)
                    & 0xffff_0000_ffff_000f,
                .random(in: 0 ... .max, using: &random) & 0xf000_0000_0000_ffff)
            #expect(IPv6Address(address.description) == address)
        }
    }
}

@Suite struct MACAddressTests {
    @Test func `text is read and written`() throws {
        let mac = try #require(MACAddress("5E-00:00:00:00:0a"))
        #expect(mac.description == "5e:00:00:00:00:0a")
        #expect(mac.isLocallyAdministered && !mac.isGroup)
        #expect(mac.octets == [0x5e, 0, 0, 0, 0, 0x0a])
    }

    @Test(arguments: [
        "", "5e:00:00:00:00", "5e:00:00:00:00:00:00", "5e:0:00:00:00:00", "+5:00:00:00:00:00",
        "5g:00:00:00:00:00",
    ])
    func `anything else is refused`(text: String) { #expect(MACAddress(text) == nil) }

    @Test func `the group address of a multicast, RFC 1112 section 6_4`() throws {
        #expect(
            MACAddress.multicast(try #require(IPv4Address("239.255.255.250")))
                == MACAddress("01:00:5e:7f:ff:fa"))
    }
}
