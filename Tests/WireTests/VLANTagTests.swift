import Testing

@testable import Wire

private let addresses = [UInt8](repeating: 2, count: 12)

@Suite struct VLANTagTests {
    @Test func `an untagged frame, one tag and two tags`() throws {
        #expect(
            try content([0x08, 0x00, 0x45]) == EthernetFrame.Content(etherType: .ipv4, offset: 14))
        #expect(
            try content([0x81, 0x00, 0xb0, 0x07, 0x08, 0x06])
                == EthernetFrame.Content(outerTag: VLANTag(tagControl: 0xb007), etherType: .arp, offset: 18))
        #expect(
            try content([0x88, 0xa8, 0x00, 0x01, 0x81, 0x00, 0x0f, 0xff, 0x86, 0xdd])
                == EthernetFrame.Content(
                    outerTag: VLANTag(tagControl: 1), innerTag: VLANTag(tagControl: 0xfff),
                    etherType: .ipv6, offset: 22))
    }

    @Test func `the fields of the tag`() {
        let tag = VLANTag(tagControl: 0xb007)
        #expect(tag.id == 7)
        #expect(tag.priority == 5)
        #expect(tag.isDropEligible)
    }

    @Test(arguments: 0..<4) func `a tagged frame of 14 to 17 octets is refused`(count: Int) {
        #expect(throws: WireError.truncated) {
            try content([0x81, 0x00] + [UInt8](repeating: 0, count: count))
        }
    }

    @Test func `a third tag is too deep`() {
        #expect(throws: WireError.tooDeep) {
            try content([0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 8, 0])
        }
    }

    private func content(_ rest: [UInt8]) throws -> EthernetFrame.Content {
        let bytes = addresses + rest
        guard let frame = EthernetFrame(bytes.rawSpan) else { throw WireError.badLength }
        return try frame.content()
    }
}
