import Testing
import Wire

@testable import SecureNAT

@Suite struct KernelObjectsTests {
    @Test(arguments: ["DEFAULT", "", "a hub; drop table \"x\" {", String(repeating: "ü", count: 300)])
    func `any hub has names that the kernel takes`(_ hub: String) {
        let objects = KernelObjects(hub: hub)
        #expect(objects.interface.utf8.count == 11 && objects.interface.hasPrefix("phn"))
        #expect(
            (objects.interface + objects.table).allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
            })
        let rules = objects.install(DHCPServerTests.network)
        #expect(!rules.contains(hub) || hub.isEmpty)
        #expect(rules.hasPrefix(objects.remove))
    }

    @Test func `hubs are told apart`() {
        let hubs = (0..<1000).map { KernelObjects(hub: "hub\($0)").interface }
        #expect(Set(hubs).count == hubs.count)
    }

    @Test func `the hash is FNV-1a`() {
        #expect(KernelObjects.hash("") == 0xcbf2_9ce4_8422_2325)
        #expect(KernelObjects.hash("foobar") == 0x8594_4171_f739_67e8)
    }
}

@Suite struct ResolversTests {
    @Test func `name servers are read as the C library reads them`() {
        let text = """
            # nameserver 192.0.2.1
            search example.org
            nameserver\t198.51.100.53
            nameserver fe80::1%eth0
            nameserver 127.0.0.53 # cache
             nameserver 203.0.113.53
            nameserver 203.0.113.54
            nameserver 999.1.1.1
            nameserver
            """
        let resolvers = Resolvers(parsing: text)
        #expect(resolvers.servers.map(\.description) == ["198.51.100.53", "127.0.0.53", "203.0.113.53"])
        #expect(resolvers.reachable.map(\.description) == ["198.51.100.53", "203.0.113.53"])
    }
}
