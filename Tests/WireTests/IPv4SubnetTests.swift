import Testing
import Wire

@Suite struct IPv4SubnetTests {
    @Test func `an address with its prefix`() throws {
        let subnet = try #require(IPv4Subnet("192.168.30.1/24"))
        #expect(subnet.description == "192.168.30.1/24")
        #expect(subnet.mask == IPv4Address("255.255.255.0"))
        #expect(subnet.network == IPv4Address("192.168.30.0"))
        #expect(subnet.broadcast == IPv4Address("192.168.30.255"))
        #expect(subnet.contains(IPv4Address("192.168.30.254")!))
        #expect(!subnet.contains(IPv4Address("192.168.31.1")!))
    }

    @Test func `the ends of the range`() throws {
        let all = try #require(IPv4Subnet("0.0.0.0/0"))
        let one = try #require(IPv4Subnet("10.0.0.1/32"))
        #expect(all.contains(.broadcast) && all.mask == .any && all.broadcast == .broadcast)
        #expect(one.contains(one.address) && !one.contains(IPv4Address("10.0.0.0")!))
        #expect(one.mask == .broadcast && one.broadcast == one.address)
    }

    @Test func `a mask with a hole is refused`() {
        let address = IPv4Address("10.0.0.1")!
        #expect(IPv4Subnet(address, mask: IPv4Address("255.0.255.0")!) == nil)
        for length in 0...32 {
            let subnet = IPv4Subnet(address, prefixLength: length)!
            #expect(IPv4Subnet(address, mask: subnet.mask) == subnet)
        }
    }

    @Test(arguments: [
        "", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0/8", "10.0.0.1/8/8", "1.2.3.4/+8",
    ])
    func `anything else is refused`(text: String) { #expect(IPv4Subnet(text) == nil) }
}
