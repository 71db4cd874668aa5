import Testing
import Wire

@testable import SoftEtherCore

func pack(_ bytes: [UInt8]) throws -> Pack {
    var reader = ByteReader(bytes.rawSpan)
    return try Pack(parsing: &reader)
}

func octets(_ pack: Pack) -> [UInt8] {
    var bytes: [UInt8] = []
    pack.serialize(into: &bytes)
    return bytes
}

@Suite struct PackTests {
    private let error = hex("00000001 00000006 6572726f72 00000000 00000001 00000009")
    private let hello = hex(
        """
        00000004
        00000006 6275696c64 00000000 00000001 00001443
        00000006 68656c6c6f 00000002 00000001 00000014 536f667445746865722056504e20536572766572
        00000007 72616e646f6d 00000001 00000001 00000014 000102030405060708090a0b0c0d0e0f10111213
        00000008 76657273696f6e 00000000 00000001 000001f6
        """)

    @Test func `a refusal`() throws {
        #expect(try pack(error).integer("error") == 9)
        #expect(octets(RefusalCode.authenticationFailed.pack) == error)
    }

    @Test func `a hello, there and back`() throws {
        let server = ServerSoftware(name: "SoftEther VPN Server", version: 502, build: 5187)
        let made = server.hello(challenge: Array(0...19))
        #expect(octets(made) == hello)
        let read = try pack(hello)
        #expect(read == made)
        #expect(read.text("hello") == "SoftEther VPN Server")
        #expect(read.octets("random") == Array(0...19))
        #expect(read.integer("version") == 502)
    }

    @Test func `every prefix is incomplete`() {
        for count in 0..<hello.count {
            #expect(throws: WireError.truncated) { try pack(Array(hello[..<count])) }
        }
    }

    @Test func `octets behind the last element are refused`() {
        #expect(throws: WireError.badLength) { try pack(hello + [0]) }
    }

    @Test func `each kind of value, there and back`() throws {
        var made = Pack()
        made["Zebra"] = .longs([1, .max])
        made["list"] = .strings([[], Array("two".utf8)])
        made["Text"] = .unicode(["", "grün"])
        made["blob"] = .octets([[1, 2, 3], []])
        made["none"] = .integers([])
        #expect(made.elements.map(\.name) == ["blob", "list", "none", "Text", "Zebra"])
        #expect(try pack(octets(made)) == made)
    }

    @Test func `names are the same in any case`() throws {
        var made = Pack()
        made.set("HubName", "A")
        made.set("hubname", "B")
        #expect(made.elements.count == 1)
        #expect(made.text("HUBNAME") == "B")
        #expect(made.text("hub") == nil && made.integer("hubname") == nil)
    }

    /// features.md §4.2, input 1.
    @Test(arguments: [
        (
            "more elements than there are", "00000002" + "00000006 6572726f72 00000000 00000001 00000009",
            WireError.truncated
        ),
        ("elements without end", "ffffffff" + "00000006 6572726f72 00000000 00000001 00000009", .badLength),
        ("a name of no length", "00000001 00000000 00000000 00000001 00000009", .badLength),
        (
            "a name of 64 octets",
            "00000001 00000041" + String(repeating: "61", count: 64) + "00000000 00000000", .badLength
        ),
        ("a name without end", "00000001 ffffffff 61", .badLength),
        ("a control character in a name", "00000001 00000003 6107 00000000 00000000", .badValue),
        ("an unknown kind", "00000001 00000002 61 00000005 00000001 00000009", .badValue),
        ("values without end", "00000001 00000002 61 00000000 ffffffff", .badLength),
        ("octets longer than the rest", "00000001 00000002 61 00000001 00000001 00000004 010203", .truncated),
        ("octets without end", "00000001 00000002 61 00000001 00000001 ffffffff", .truncated),
        ("a text longer than the rest", "00000001 00000002 61 00000002 00000001 00000002 61", .truncated),
        ("Unicode of no length", "00000001 00000002 61 00000003 00000001 00000000", .badValue),
        ("Unicode without NUL", "00000001 00000002 61 00000003 00000001 00000002 6161", .badValue),
        ("Unicode that is not UTF-8", "00000001 00000002 61 00000003 00000001 00000003 c32800", .badValue),
        ("a name twice", "00000002 00000002 61 00000000 00000000 00000002 41 00000000 00000000", .badValue),
    ])
    func `lies`(_ what: String, _ bytes: String, _ error: WireError) {
        #expect(throws: error, "\(what)") { try pack(hex(bytes)) }
    }

    @Test func `the longest name, the most values and the most elements are taken, and no more`() throws {
        var made = Pack()
        made[String(repeating: "n", count: 63)] = .integers(Array(repeating: 7, count: 256))
        #expect(try pack(octets(made)) == made)
        made["more"] = .integers(Array(repeating: 7, count: 257))
        #expect(throws: WireError.badLength) { try pack(octets(made)) }
        var wide = Pack()
        for number in 0..<256 { wide.set("e\(number)", true) }
        #expect(try pack(octets(wide)) == wide)
        wide.set("one more", true)
        #expect(throws: WireError.badLength) { try pack(octets(wide)) }
        var long = Pack()
        long["blob"] = .octets([[UInt8](repeating: 1, count: Pack.maxOctets)])
        #expect(throws: WireError.badLength) { try pack(octets(long)) }
    }

    @Test func `text that is not UTF-8 is no text`() throws {
        var made = Pack()
        made["name"] = .strings([[0xc3, 0x28]])
        #expect(try pack(octets(made)).text("name") == nil)
    }
}
