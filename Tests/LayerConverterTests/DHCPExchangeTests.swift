import Testing
import Wire

@testable import LayerConverter

/// RFC 2131 §4.4.1, table 5, and §4.3.6, table 4: what a client puts into its messages. "must" and "no" are
/// the RFC's MUST and MUST NOT; where it leaves a choice, "yes" and "-" are ours.
private let rfcTable = """
    message      | ciaddr | 50 address   | 54 server | 51 lease | 55 list       | 57 size | 61 client | 60
    discover     | 0      | -            | no        | -        | yes           | yes     | yes       | yes
    wish         | 0      | must         | no        | -        | yes           | yes     | yes       | yes
    selecting    | 0      | must         | must      | -        | yes           | yes     | yes       | yes
    reboot       | 0      | must         | no        | -        | yes           | yes     | yes       | yes
    renewing     | ours   | no           | no        | -        | yes           | yes     | yes       | yes
    rebinding    | ours   | no           | no        | -        | yes           | yes     | yes       | yes
    decline      | 0      | must         | must      | no       | no            | no      | yes       | no
    release      | ours   | no           | must      | no       | no            | no      | yes       | no
    """

@Suite struct DHCPExchangeTests {
    private func exchange(wish: IPv4Address? = nil) -> DHCPExchange {
        var identity = DHCPIdentity(mac: clientMAC)
        identity.vendorClass = "polyhub"
        identity.wish = wish
        return DHCPExchange(identity, AddressTiming(), seed: 1)
    }

    private func message(_ name: Substring) -> DHCPMessage? {
        var lease = AddressLease(fixed: IPv4Subnet(leased, prefixLength: 24)!, gateway: nil)
        lease.server = serverA
        var exchange = exchange(wish: name == "wish" ? leased : nil)
        switch name {
        case "discover", "wish": exchange.sendDiscover(at: .at(0))
        case "selecting": exchange.sendRequest(for: lease, at: .at(0), isFirst: true)
        case "reboot": exchange.sendRebootRequest(for: leased, at: .at(0), isFirst: true)
        case "renewing": exchange.sendExtension(of: lease, to: serverA, at: .at(0), isFirst: true)
        case "rebinding": exchange.sendExtension(of: lease, to: nil, at: .at(0), isFirst: true)
        case "decline": exchange.sendDecline(of: lease, at: .at(0))
        case "release": exchange.sendRelease(of: lease, at: .at(0))
        case _: return nil
        }
        switch exchange.outputs.first {
        case .broadcast(let message): return name == "renewing" || name == "release" ? nil : message
        case .unicast(let message, let server):
            return server == serverA && (name == "renewing" || name == "release") ? message : nil
        case _: return nil
        }
    }

    @Test func `each message is filled as the RFC's tables say`() throws {
        let rows = rfcTable.split(separator: "\n").map { line in
            line.split(separator: "|").map { $0.filter { $0 != " " } }
        }
        let codes: [UInt8] = [50, 54, 51, 55, 57, 61, 60]
        var cells = 0
        for row in rows.dropFirst() {
            let message = try #require(self.message(row[0][...]), "\(row[0])")
            #expect(message.ciaddr == (row[1] == "ours" ? leased : .any), "\(row[0])")
            for (code, cell) in zip(codes, row.dropFirst(2)) {
                let isThere = message.options[DHCPOptionCode(rawValue: code)] != nil
                #expect(isThere == (cell == "must" || cell == "yes"), "\(row[0]) \(code)")
                cells += 1
            }
            #expect(message.op == .bootRequest && message.chaddr == clientMAC)
            #expect(message.yiaddr == .any && message.siaddr == .any && message.giaddr == .any)
        }
        #expect(cells == 56)
    }

    @Test(
        arguments: [
            ("anna", "anna"), ("anna's laptop", "anna-s-laptop"), ("-a-", "a"), ("ä", nil), ("", nil),
            (String(repeating: "x", count: 80), String(repeating: "x", count: 63)),
        ] as [(String, String?)])
    func `a host name has only what a host name may have`(given: String, sent: String?) {
        var identity = DHCPIdentity(mac: clientMAC)
        identity.hostName = given
        #expect(identity.wireHostName.map { String(decoding: $0, as: UTF8.self) } == sent)
    }
}

@Suite struct RouteTableTests {
    private func table(_ subnet: String, gateway: IPv4Address?, _ routes: [(String, IPv4Address)] = [])
        -> RouteTable
    {
        var lease = AddressLease(fixed: IPv4Subnet(subnet)!, gateway: gateway)
        lease.routes = routes.map { IPv4Route(to: IPv4Subnet($0.0)!, through: $0.1) }
        return RouteTable(lease)
    }

    @Test func `the longest prefix wins, and the link among equals`() {
        let table = table(
            "192.168.30.10/24", gateway: serverA,
            [("10.0.0.0/8", serverB), ("10.1.0.0/16", elsewhere), ("192.168.30.0/24", serverB)])
        for (destination, nextHop) in [
            ("192.168.30.42", "192.168.30.42"), ("10.2.3.4", "192.168.30.2"), ("10.1.3.4", "192.168.30.99"),
            ("198.51.100.1", "192.168.30.1"),
        ] {
            #expect(table.nextHop(to: IPv4Address(destination)!) == IPv4Address(nextHop))
        }
    }

    @Test func `without a gateway there is no way out`() {
        #expect(table("192.168.30.10/24", gateway: nil).nextHop(to: IPv4Address("8.8.8.8")!) == nil)
    }

    @Test func `a gateway beside the network, as some hosters have it, is a neighbour`() {
        let table = table("203.0.113.5/32", gateway: serverA)
        #expect(table.nextHop(to: IPv4Address("8.8.8.8")!) == serverA)
        #expect(table.isNeighbor(serverA))
        #expect(!table.isNeighbor(serverB))
        #expect(!table.isBroadcast(IPv4Address("203.0.113.5")!))
    }
}

@Suite struct NeighborTableTests {
    @Test func `the table is bounded, and open questions survive`() {
        var table = NeighborTable<IPv4Address>()
        let asked = table.lookup(serverA, at: .at(0))
        #expect(asked == .pending)
        for host in 0..<1000 as Range<UInt32> {
            _ = table.learn(
                IPv4Address(0x0a00_0001 + host), clientMAC, mayCreate: true, at: .at(Double(host) / 100))
        }
        let known = (0..<1000 as Range<UInt32>).count { table.known(IPv4Address(0x0a00_0001 + $0)) != nil }
        #expect(known == NeighborTable<IPv4Address>.maxEntries - 1)
        #expect(table.known(IPv4Address(0x0a00_0001 + 999)) != nil)
        let changed = table.learn(serverA, clientMAC, mayCreate: false, at: .at(10))
        #expect(changed)
        #expect(table.known(serverA) == clientMAC)
    }
}
