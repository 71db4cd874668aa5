import Policy
import Testing
import Wire

@Suite struct FrameClaimTests {
    private static let mac = MACAddress(0x0200_0000_0001)
    private static let address = IPv4Address("10.0.0.1")!
    private static let linkLocal = IPv6Address("fe80::1")!

    private static func frame(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
        MACAddress.broadcast.octets + mac.octets + [UInt8(type >> 8), UInt8(type & 0xff)] + payload
    }

    private static func udp(_ source: UInt16, _ destination: UInt16) -> [UInt8] {
        UDPFrame(
            from: UDPEndpoint(mac: mac, address: address, port: source),
            to: UDPEndpoint(mac: .broadcast, address: .broadcast, port: destination), payload: [1, 2, 3]
        ).bytes
    }

    /// An IPv6 packet from fe80::1.
    private static func ipv6(_ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var octets: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(payload.count), next, 255]
        octets.append(linkLocal)
        octets.append(IPv6Address("ff02::1")!)
        return octets + payload
    }

    private static let advertisement = [134] + [UInt8](repeating: 0, count: 15)
    private static func neighbor(_ type: UInt8, option: [UInt8] = []) -> [UInt8] {
        var message: [UInt8] = [type, 0, 0, 0, 0, 0, 0, 0]
        message.append(IPv6Address("fe80::2")!)
        return message + option
    }

    private func claim(_ frame: [UInt8]) -> FrameClaim { FrameClaim(frame.span.bytes) }
    private var source: FrameClaim { .source(IPv6Address(mapping: Self.address)) }

    @Test func `who answers DHCP is a server, by either port`() {
        #expect(claim(Self.udp(67, 68)) == .dhcpServer)
        #expect(claim(Self.udp(67, 67)) == .dhcpServer)
        #expect(claim(Self.udp(1234, 68)) == .dhcpServer)
        #expect(claim(Self.udp(68, 67)) == source)
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(17, [0x02, 0x23, 0x02, 0x22, 0, 8, 0, 0]))) == .dhcpServer)
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(17, [0x02, 0x22, 0x02, 0x23, 0, 8, 0, 0])))
                == .source(Self.linkLocal))
    }

    @Test func `a later fragment's payload is not taken for ports`() {
        var frame = Self.udp(67, 68)
        frame[14 + 7] = 1
        #expect(claim(frame) == source)
    }

    @Test(
        arguments: [
            [0x81, 0, 0, 0], [0x88, 0xa8, 0, 0, 0x81, 0, 0, 7], [0, 90, 0xaa, 0xaa, 3, 0, 0, 0],
            [0x81, 0, 0, 0, 0, 90, 0xaa, 0xaa, 3, 0, 0, 0],
        ] as [[UInt8]])
    func `tags and LLC hide nothing`(wrapping: [UInt8]) {
        let frame = Self.udp(67, 68)
        #expect(claim(Array(frame[..<12]) + wrapping + frame[12...]) == .dhcpServer)
    }

    @Test func `five tags are more than anybody needs, and a VLAN's addresses are its own`() {
        let (frame, tag) = (Self.udp(5000, 53), [0x81, 0, 0, 5] as [UInt8])
        #expect(claim(Array(frame[..<12]) + tag + frame[12...]) == .nothing)
        let tags = Array(repeatElement(tag, count: 5).joined())
        #expect(claim(Array(frame[..<12]) + tags + frame[12...]) == .unreadable)
    }

    @Test func `routers and redirects are routers, also behind extension headers`() {
        #expect(claim(Self.frame(0x86dd, Self.ipv6(58, Self.advertisement))) == .router)
        #expect(claim(Self.frame(0x86dd, Self.ipv6(58, [137] + Self.advertisement[1...]))) == .router)
        let hidden = [58, 0, 0, 0, 0, 0, 0, 0] + Self.advertisement
        #expect(claim(Self.frame(0x86dd, Self.ipv6(60, hidden))) == .router)
        let fragment = [58, 0, 0, 1, 0, 0, 0, 1] + Self.advertisement
        #expect(claim(Self.frame(0x86dd, Self.ipv6(44, fragment))) == .router)
    }

    @Test func `a header chain that does not show its end is unreadable`() {
        #expect(claim(Self.frame(0x86dd, Self.ipv6(60, [58, 9, 0, 0, 0, 0, 0, 0]))) == .unreadable)
        #expect(claim(Self.frame(0x86dd, Self.ipv6(44, [58, 0, 0, 1, 0, 0, 0, 1]))) == .unreadable)
        let deep = Array(repeatElement([60, 0, 0, 0, 0, 0, 0, 0] as [UInt8], count: 100).joined())
        #expect(claim(Self.frame(0x86dd, Self.ipv6(60, Array(deep.prefix(248))))) == .unreadable)
    }

    @Test func `neighbour discovery claims what receivers would learn from it`() {
        let other = [2, 1, 2, 0, 0, 0, 0, 9] as [UInt8]
        let target = IPv6Address("fe80::2")!
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(58, Self.neighbor(136)))) == .address(target, at: Self.mac))
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(58, Self.neighbor(136, option: other))))
                == .address(target, at: MACAddress(0x0200_0000_0009)))
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(58, Self.neighbor(135, option: [1] + other[1...]))))
                == .address(Self.linkLocal, at: MACAddress(0x0200_0000_0009)))
        #expect(
            claim(Self.frame(0x86dd, Self.ipv6(58, Self.neighbor(136, option: [2, 0, 0, 0, 0, 0, 0, 0]))))
                == .address(target, at: Self.mac))
    }

    @Test func `ARP claims its sender, a probe nothing, and what is no ARP for IPv4 is unreadable`() {
        let announcement = ARPPacket.announcement(of: Self.address, at: Self.mac).frame(to: .broadcast)
        #expect(claim(announcement) == .address(IPv6Address(mapping: Self.address), at: Self.mac))
        #expect(claim(ARPPacket.probe(for: Self.address, from: Self.mac).frame(to: .broadcast)) == .nothing)
        for count in 14..<announcement.count { #expect(claim(Array(announcement[..<count])) == .unreadable) }
        var lie = announcement
        lie[14 + 4] = 0
        #expect(claim(lie) == .unreadable)
    }

    @Test func `no prefix of a frame says more than the whole`() {
        for frame in [Self.udp(5000, 53), Self.frame(0x86dd, Self.ipv6(58, Self.neighbor(136)))] {
            for count in 0..<frame.count {
                let claim = claim(Array(frame[..<count]))
                #expect(claim == .nothing || claim == .unreadable, "\(count) octets: \(claim)")
            }
        }
    }
}
