import Policy
import Testing
import Wire

@testable import Hub

/// Number 25 of the inputs that every server of this kind must survive, and its neighbours.
@Suite struct PortGuardTests {
    private let lane = Bench()
    private let lan: HubPort
    private let alice: HubPort

    init() {
        lan = lane.attach()
        alice = lane.attach(as: .client(.standard, owner: 1))
    }

    private func client(owner: UInt32, _ settings: String = "") throws -> HubPort {
        lane.attach(as: .client(Policy([try PolicySettings(text: settings)]), owner: owner))
    }

    @Test func `a client that answers as a DHCP server is not heard and not learned`() {
        lane.send(from: alice, .dhcpReply(from: 1))
        #expect(lane.sink(lan).frames.isEmpty)
        #expect(alice.counters.denied[.dhcpServer] == 1)
        #expect(lane.hub.seenMACs(at: 5).isEmpty)
    }

    @Test func `who may be a DHCP server is heard, and so are LANs and the host's own router`() throws {
        let server = try client(owner: 2, "dhcp-server=yes")
        let nat = lane.attach(as: .router)
        for (index, port) in [server, lan, nat].enumerated() {
            lane.send(from: port, .dhcpReply(from: UInt64(index + 1)))
        }
        #expect(lane.sink(alice).frames.count == 3)
    }

    @Test func `a layer-3 client may not be a DHCP server either`() {
        let client = lane.attach(as: .converted(.standard, owner: 2))
        lane.send(from: client, .dhcpReply(from: 2))
        #expect(client.counters.denied.all.map(\.denial) == [.dhcpServer])
        lane.send(from: client, .udp(from: 2, IPv4Address("10.0.0.2")!, port: 68, to: 67))
        #expect(lane.sink(lan).frames.count == 1)
    }

    @Test func `a layer-3 client's IPv6 passes, but not as a server's or a router's`() {
        let client = lane.attach(as: .converted(.standard, owner: 2))
        lane.send(from: client, .udpV6(from: 2, port: 1000, to: 2000))
        lane.send(from: client, .udpV6(from: 2, port: 546, to: 547))
        #expect(lane.sink(lan).frames.count == 2)
        lane.send(from: client, .udpV6(from: 2, port: 547, to: 546))
        lane.send(from: client, .udpV6(from: 2, port: 1000, to: 546))
        #expect(client.counters.denied[.dhcpServer] == 2)
        lane.send(from: client, .routerAdvertisement(from: 2))
        #expect(client.counters.denied[.router] == 1)
        #expect(lane.sink(lan).frames.count == 2)
    }

    @Test func `a client is no router unless it may`() throws {
        let router = try client(owner: 2, "router=yes")
        lane.send(from: alice, .routerAdvertisement(from: 1))
        #expect(lane.sink(lan).frames.isEmpty)
        lane.send(from: router, .routerAdvertisement(from: 2))
        #expect(lane.sink(lan).frames.count == 1)
    }

    @Test(arguments: ["10.0.0.1", "fe80::1"]) func `an address that somebody uses is not claimed away`(
        text: String
    ) {
        lane.send(from: lan, .claim(text, from: 9))
        lane.send(from: alice, .claim(text, from: 1))
        #expect(alice.counters.denied[.foreignAddress] == 1)
        #expect(lane.sink(lan).frames.isEmpty)
        #expect(lane.hub.seenAddresses(at: 5).values.map(\.port) == [lan.number])
    }

    @Test func `an address that was silent may move, but never a router's or a layer-3 client's`() throws {
        let nat = lane.attach(as: .router)
        let other = lane.attach(as: .converted(.standard, owner: 2))
        lane.send(from: lan, .claim("10.0.0.1", from: 9))
        lane.send(from: nat, .claim("10.0.0.2", from: 8))
        lane.send(from: other, .claim("10.0.0.3", from: 7))
        lane.now += 1000 * 1_000_000_000
        for last in 1...3 { lane.send(from: alice, .claim("10.0.0.\(last)", from: 1)) }
        #expect(alice.counters.denied[.foreignAddress] == 2)
        for mac in [9, 8, 7] as [UInt64] { lane.send(from: alice, Frame(to: .broadcast, from: mac)) }
        #expect(alice.counters.denied[.foreignMAC] == 2)
    }

    @Test func `a layer-3 client's choice of an IPv6 address moves nobody else's`() throws {
        let victim = lane.attach(as: .converted(.standard, owner: 2))
        let other = lane.attach(as: .converted(.standard, owner: 3))
        lane.send(from: lan, .claim("2001:db8::9", from: 9))
        lane.send(from: victim, .claim("2001:db8::2", from: 2))
        for address in ["2001:db8::9", "2001:db8::2"] { lane.send(from: other, .claim(address, from: 3)) }
        #expect(other.counters.denied[.foreignAddress] == 2)
        #expect(Set(lane.hub.seenAddresses(at: 5).values.map(\.port)) == [lan.number, victim.number])
        // The same user, who comes back, and who may.
        let again = lane.attach(as: .converted(.standard, owner: 2))
        lane.send(from: again, .claim("2001:db8::2", from: 4))
        let settings = try PolicySettings(text: "take-over=yes")
        let standby = lane.attach(as: .converted(Policy([settings]), owner: 5))
        lane.send(from: standby, .claim("2001:db8::9", from: 5))
        #expect(again.counters.denied.total + standby.counters.denied.total == 0)
    }

    @Test func `what a layer-3 client has given up is another's to have, but nobody gives up another's`() {
        let first = lane.attach(as: .converted(.standard, owner: 2))
        let second = lane.attach(as: .converted(.standard, owner: 3))
        let address = IPv6Address("2001:db8::2")!
        lane.send(from: first, .claim("2001:db8::2", from: 2))
        lane.hub.release(address, of: second)
        lane.send(from: second, .claim("2001:db8::2", from: 3))
        #expect(second.counters.denied[.foreignAddress] == 1)
        lane.hub.release(address, of: first)
        #expect(lane.hub.seenAddresses(at: 5).isEmpty)
        lane.send(from: second, .claim("2001:db8::2", from: 3))
        #expect(lane.hub.seenAddresses(at: 5).values.map(\.port) == [second.number])
    }

    @Test func `nobody keeps a layer-3 client from what was leased to it or made of its MAC address`() {
        let address = IPv6Address.linkLocal(interface: MACAddress(7).interfaceIdentifier)
        for claimed in ["10.0.0.3", "\(address)"] {
            lane.send(from: alice, .claim(claimed, from: 1))
        }
        let client = lane.attach(as: .converted(.standard, owner: 2))
        for claimed in ["10.0.0.3", "\(address)"] {
            lane.send(from: client, .claim(claimed, from: 7))
        }
        #expect(client.counters.denied.total == 0)
        #expect(Set(lane.hub.seenAddresses(at: 5).values.map(\.port)) == [client.number])
    }

    @Test func `who goes leaves his addresses to others, and a user comes back to his own`() throws {
        lane.send(from: alice, .claim("10.0.0.1", from: 1))
        let again = try client(owner: 1)
        lane.send(from: again, .claim("10.0.0.1", from: 1))
        #expect(again.counters.denied.total == 0)
        lane.lane.detach(alice)
        lane.lane.detach(again)
        let bob = try client(owner: 2)
        lane.send(from: bob, .claim("10.0.0.1", from: 1))
        #expect(bob.counters.denied.total == 0)
    }

    @Test func `who may take over does`() throws {
        lane.send(from: lan, .claim("10.0.0.1", from: 9))
        let standby = try client(owner: 2, "take-over=yes")
        lane.send(from: standby, .claim("10.0.0.1", from: 9))
        #expect(standby.counters.denied.total == 0)
        #expect(lane.hub.table.port(of: MACAddress(9), at: 5) == standby.number)
    }

    @Test func `a claim in the name of another's MAC address is dropped`() {
        lane.send(from: alice, .claim("10.0.0.1", at: 9, from: 1))
        lane.send(from: alice, .claim("fe80::1", at: 9, from: 1))
        #expect(alice.counters.denied[.forgedSender] == 2)
    }

    @Test func `packets from another's address are dropped, and those of a router are its business`() throws {
        let address = IPv4Address("10.0.0.1")!
        lane.send(from: lan, .claim("10.0.0.1", from: 9))
        lane.send(from: alice, .udp(from: 1, address, port: 5000, to: 53))
        #expect(alice.counters.denied[.foreignAddress] == 1)
        let router = try client(owner: 2, "router=yes addresses=1")
        for last in 1...9 as ClosedRange<UInt32> {
            lane.send(from: router, .udp(from: 2, IPv4Address(0x0a00_0000 | last), port: 5000, to: 53))
        }
        #expect(router.counters.denied.total == 0)
    }

    @Test func `a flood of forged MAC addresses ends at the limit, and the first ones go on`() throws {
        let flooder = try client(owner: 2, "macs=3")
        for mac in 100..<200 as Range<UInt64> { lane.send(from: flooder, Frame(to: .broadcast, from: mac)) }
        #expect(flooder.counters.denied[.macLimit] == 97)
        #expect(lane.hub.seenMACs(at: 5).count == 3)
        lane.send(from: flooder, Frame(to: .broadcast, from: 101))
        #expect(flooder.counters.denied[.macLimit] == 97)
        // Once they are forgotten, others may come.
        lane.now += 301 * 1_000_000_000
        lane.send(from: flooder, Frame(to: .broadcast, from: 300))
        #expect(flooder.counters.denied[.macLimit] == 97)
    }

    @Test func `a flood of forged IP addresses ends at the limit`() throws {
        let flooder = try client(owner: 2, "addresses=5")
        for last in 1...100 as ClosedRange<UInt32> {
            lane.send(from: flooder, .udp(from: 2, IPv4Address(0x0a00_0000 | last), port: 5000, to: 53))
        }
        #expect(flooder.counters.denied[.addressLimit] == 95)
        lane.now += 301 * 1_000_000_000
        lane.send(from: flooder, .claim("10.0.1.1", from: 2))
        #expect(flooder.counters.denied[.addressLimit] == 95)
    }

    /// A MAC address is admitted before its frame's IP address is judged, and in the table only after that.
    @Test func `a MAC address that comes with a flood of IP addresses counts too`() throws {
        let flooder = try client(owner: 2, "macs=2 addresses=1")
        lane.send(from: flooder, .claim("10.0.1.1", from: 10))
        lane.now += 301 * 1_000_000_000
        lane.send(from: flooder, .claim("10.0.1.2", from: 11))
        for mac in 12..<20 as Range<UInt64> { lane.send(from: flooder, Frame(to: .broadcast, from: mac)) }
        #expect(lane.hub.seenMACs(at: lane.now / 1_000_000_000).count == 2)
    }

    @Test func `each reason is reported once and counted each time`() {
        for _ in 0..<3 { lane.send(from: alice, .dhcpReply(from: 1)) }
        lane.send(from: alice, .routerAdvertisement(from: 1))
        #expect(lane.sink(alice).denials == [.dhcpServer, .router])
        #expect(alice.counters.denied.total == 4)
    }

    @Test func `a policy that is changed counts at once`() throws {
        lane.send(from: alice, .dhcpReply(from: 1))
        alice.setPolicy(Policy([try PolicySettings(text: "dhcp-server=yes")]))
        lane.send(from: alice, .dhcpReply(from: 1))
        #expect(lane.sink(lan).frames.count == 1)
    }
}

extension Frame {
    static func udp(from mac: UInt64, _ source: IPv4Address, port: UInt16, to: UInt16) -> Frame {
        let to = UDPEndpoint(mac: .broadcast, address: .broadcast, port: to)
        return Frame(
            octets: UDPFrame(
                from: UDPEndpoint(mac: MACAddress(mac), address: source, port: port), to: to,
                payload: [1, 2, 3, 4]
            ).bytes)
    }

    static func dhcpReply(from mac: UInt64) -> Frame {
        udp(from: mac, IPv4Address("10.0.0.9")!, port: 67, to: 68)
    }

    static func udpV6(from mac: UInt64, port: UInt16, to destination: UInt16) -> Frame {
        let packet = IPv6Datagram(
            udp: [1, 2, 3], from: IPv6Address(0x2001_0db8_0000_0000, mac), port: port, to: .allDHCPServers,
            port: destination)
        return Frame(octets: packet.frame(to: .multicast(.allDHCPServers), from: MACAddress(mac)))
    }

    static func routerAdvertisement(from mac: UInt64) -> Frame {
        let router = NeighborDiscovery.RouterAdvertisement(
            hopLimit: 64, flags: 0, routerLifetime: .seconds(1800), reachableTime: .zero,
            retransmitTimer: .zero)
        return icmpV6(NeighborDiscovery(.routerAdvertisement(router)), from: mac)
    }

    /// An ARP announcement, or an unsolicited neighbour advertisement.
    static func claim(_ text: String, at claimed: UInt64? = nil, from mac: UInt64) -> Frame {
        let claimed = MACAddress(claimed ?? mac)
        guard let address = IPv4Address(text) else {
            let option = NeighborDiscovery.Option(
                type: NeighborDiscovery.Option.targetLinkLayerAddress, value: claimed.octets)
            return icmpV6(
                NeighborDiscovery(
                    .neighborAdvertisement(target: IPv6Address(text)!, flags: .override), options: [option]),
                from: mac)
        }
        var octets: [UInt8] = []
        octets.appendEthernetHeader(to: .broadcast, from: MACAddress(mac), carrying: .arp)
        ARPPacket.announcement(of: address, at: claimed).serialize(into: &octets)
        return Frame(octets: octets)
    }

    private static func icmpV6(_ message: NeighborDiscovery, from mac: UInt64) -> Frame {
        var payload: [UInt8] = []
        message.serialize(into: &payload)
        var octets: [UInt8] = []
        octets.appendEthernetHeader(
            to: MACAddress(0x3333_0000_0001), from: MACAddress(mac), carrying: .ipv6)
        octets += [0x60, 0, 0, 0, 0, UInt8(payload.count), 58, 255]
        octets.append(IPv6Address(0xfe80_0000_0000_0000, mac))
        octets.append(IPv6Address(0xff02_0000_0000_0000, 1))
        return Frame(octets: octets + payload)
    }
}
