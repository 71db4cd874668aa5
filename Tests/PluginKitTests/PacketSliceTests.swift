import FakeHost
import PluginKit
import Testing
import Wire

/// The ends of a packet move no further than there is room.
@Suite struct PacketSliceTests {
    let memory = FakeMemory()

    private func packet(headroom: Int = 2, tailroom: Int = 1) -> PacketSlice {
        PacketSlice(raw: memory.slice([1, 2, 3, 4], headroom: headroom, tailroom: tailroom))
    }

    @Test func `the front`() {
        var slice = packet()
        #expect(!slice.trimFront(5) && !slice.trimFront(-1) && !slice.growFront(3) && !slice.growFront(-1))
        #expect(slice.hex == "01020304")
        #expect(slice.trimFront(4) && slice.count == 0 && slice.headroom == 6)
        #expect(slice.growFront(6) && slice.hex == "eeee01020304" && slice.headroom == 0)
    }

    @Test func `the back`() {
        var slice = packet()
        #expect(!slice.trimBack(5) && !slice.trimBack(-1) && !slice.growBack(2) && !slice.growBack(-1))
        #expect(slice.trimBack(3) && slice.hex == "01" && slice.tailroom == 4)
        #expect(slice.growBack(4) && slice.hex == "01020304ee" && slice.tailroom == 0)
    }

    @Test func `room beyond what 16 bits tell is not lost count of`() {
        var slice = PacketSlice(raw: memory.slice([UInt8](repeating: 0, count: 70_000)))
        #expect(slice.trimFront(69_999) && slice.headroom == 65_535 && slice.count == 1)
        #expect(slice.growFront(65_535) && slice.count == 65_536 && slice.headroom == 0)
    }

    @Test func `a part has the room that is given to it`() throws {
        let slice = packet()
        let part = try #require(slice.carved(2..<4, headroom: 2))
        #expect(part.hex == "0304" && part.headroom == 2 && part.tailroom == 0)
        #expect(slice.carved(0..<5) == nil)
        #expect(slice.carved(1..<2, headroom: 2) == nil)
        #expect(slice.carved(1..<2, headroom: -1) == nil)
        #expect(slice.carved(4..<4)?.count == 0)
    }

    @Test func `an address of four octets`() {
        let endpoint = Endpoint(IPv4Address("192.0.2.1")!, port: 1194)
        #expect(endpoint.description == "192.0.2.1:1194")
        #expect(endpoint.high == 0xc000_0201_0000_0000 && endpoint.low == 0)
        #expect(endpoint.ipv4 == IPv4Address("192.0.2.1"))
        #expect(endpoint == Endpoint(endpoint.raw) && endpoint.hashValue == Endpoint(endpoint.raw)?.hashValue)
        #expect(endpoint != Endpoint(IPv4Address("192.0.2.1")!, port: 1195))
    }

    @Test func `an address of sixteen octets`() {
        let endpoint = Endpoint(ipv6High: 0x2001_0db8_0000_0000, low: 0x1, port: 53, scope: 2)
        #expect(endpoint.description == "[2001:db8:0:0:0:0:0:1]:53")
        #expect(endpoint.ipv4 == nil && endpoint.scope == 2)
        #expect(endpoint != Endpoint(ipv6High: 0x2001_0db8_0000_0000, low: 0x1, port: 53))
    }

    @Test func `no family is no address`() {
        var raw = Endpoint(ipv4: 1, port: 1).raw
        raw.family = 0
        #expect(Endpoint(raw) == nil)
        raw.family = 5
        #expect(Endpoint(raw) == nil)
    }
}
