import Testing
import Wire

@testable import PPP

@Suite struct FramingTests {
    private func header(_ bytes: [UInt8]) -> PPPHeader? { PPPHeader(bytes.span.bytes) }

    @Test func `a header may be whole, or leave out what was agreed on`() throws {
        for (bytes, number, length) in [
            ([0xff, 0x03, 0xc0, 0x21, 1], 0xc021, 4), ([0xc0, 0x21, 1], 0xc021, 2),
            ([0xff, 0x03, 0x21, 0x45], 0x21, 3), ([0x21, 0x45], 0x21, 1), ([0x00, 0x21, 0x45], 0x21, 2),
        ] as [([UInt8], UInt16, Int)] {
            let read = try #require(header(bytes))
            #expect(read.protocol.rawValue == number)
            #expect(read.length == length)
        }
    }

    @Test func `what cannot be a protocol is no frame`() {
        for bytes in [[], [0xff, 0x03], [0xc0], [0xc0, 0x22], [0xff, 0x03, 0x00], [0xfe, 0x02]] as [[UInt8]] {
            #expect(header(bytes) == nil)
        }
        #expect(PPPHeader.frame(.lcp, [1, 2]) == [0xff, 0x03, 0xc0, 0x21, 1, 2])
    }

    @Test func `a control packet survives, its padding does not, and no prefix is one`() throws {
        let octets: [UInt8] = [1, 9, 0, 8, 5, 6, 7, 8]
        let packet = try ControlPacket(parsing: octets + [0, 0])
        #expect(packet == ControlPacket(.configureRequest, 9, [5, 6, 7, 8]))
        #expect(packet.octets == octets)
        for count in octets.indices {
            #expect(throws: WireError.self) { try ControlPacket(parsing: Array(octets.prefix(count))) }
        }
        for length: UInt8 in [0, 1, 2, 3, 9] {
            #expect(throws: WireError.self) { try ControlPacket(parsing: [1, 9, 0, length, 5, 6, 7, 8]) }
        }
    }

    /// Input 9 of the list of malformed inputs.
    @Test func `an option is as long as it says, and no longer than what is left`() throws {
        let octets: [UInt8] = [1, 4, 5, 0xdc, 7, 2, 5, 6, 1, 2, 3, 4]
        let options = try ConfigurationOption.list(parsing: octets)
        #expect(options.map(\.type) == [1, 7, 5])
        #expect(options[0].value(UInt16.self) == 1500)
        #expect(options[0].value(UInt32.self) == nil)
        #expect(ConfigurationOption.octets(of: options) == octets)
        for lie in [[5, 0], [5, 1], [5, 7, 1, 2, 3, 4], [5, 255], [5]] as [[UInt8]] {
            #expect(throws: WireError.self) { try ConfigurationOption.list(parsing: lie) }
        }
        let many = [UInt8](repeating: 2, count: 2 * (ConfigurationOption.maxCount + 1))
        #expect(throws: WireError.self) { try ConfigurationOption.list(parsing: many) }
    }

    @Test func `methods have the options that the RFCs give them, and those of EAP the same`() {
        let options = AuthenticationMethod.allCases.map(\.option.data)
        #expect(
            options == [[0xc2, 0x27], [0xc2, 0x27], [0xc2, 0x23, 0x81], [0xc2, 0x23, 5], [0xc0, 0x23]])
    }
}
