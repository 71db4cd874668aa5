#if os(Linux)
import Glibc
import LocalBridge
import NetworkNamespace
import Synchronization
import Testing
import Wire

@testable import SecureNAT

/// Real clients in network namespaces against each engine.
@Suite(.serialized) struct SecureNATTests {
    /// Records as their owner would keep them.
    final class Store: Sendable {
        struct Full: Error {}
        let records = Mutex<[LeaseRecord]>([])
        let isFull = Atomic(false)

        func keep(_ record: LeaseRecord) throws {
            if isFull.load(ordering: .relaxed) { throw Full() }
            records.withLock { records in
                records.removeAll { $0.address == record.address }
                records.append(record)
            }
        }
    }

    static func nat(_ engine: SecureNAT.Engine, _ store: Store) throws -> SecureNAT {
        try SecureNAT(
            SecureNAT.Settings(hub: "TEST", network: DHCPServerTests.network, engine: engine),
            leases: store.records.withLock { $0 }, persist: store.keep)
    }

    static func run(
        _ engine: SecureNAT.Engine, _ body: @escaping @Sendable (Site, SecureNAT, Store) throws -> Void
    ) throws {
        try Site.run { site in
            let store = Store()
            let nat = try nat(engine, store)
            site.attach(try nat.start())
            defer { nat.stop() }
            try body(site, nat, store)
        }
    }

    @Test(arguments: SecureNAT.Engine.allCases)
    func `a client leases an address, reaches the router and a web server`(_ engine: SecureNAT.Engine) throws
    {
        try Self.run(engine) { site, nat, store in
            let lease = site.lease()
            #expect(lease.contains("ip=192.168.30.10/24 router=192.168.30.1"))
            #expect(lease.contains("lease=7200"))
            #expect(nat.leases.map(\.address) == [DHCPServerTests.address(10)])
            #expect(store.records.withLock { $0 } == nat.leases)

            let ping = site.run("ping -c 3 -i 0.2 -W 2 192.168.30.1")
            #expect(ping.contains("3 received"))
            let outside = site.run("ping -c 1 -W 2 \(Site.web)")
            #expect(outside.contains("1 received"))
            let page = site.run("busybox wget -q -O - http://\(Site.web)/index.html")
            #expect(page.contains(Site.page))
            let size = site.run("busybox wget -q -O - http://\(Site.web)/big | wc -c")
            #expect(size.contains("20000000"))
            #expect(nat.status.isRunning)
        }
    }

    @Test(arguments: SecureNAT.Engine.allCases)
    func `a client gets its address again after a restart`(_ engine: SecureNAT.Engine) throws {
        try Site.run { site in
            let store = Store()
            for _ in 0..<2 {
                let nat = try Self.nat(engine, store)
                let devices = try nat.start()
                site.attach(devices)
                #expect(site.lease().contains("ip=192.168.30.10/24"))
                nat.stop()
                devices.forEach { $0.close() }
                #expect(!nat.status.isRunning)
            }
            let addresses = store.records.withLock { $0 }.map(\.address)
            #expect(addresses == [DHCPServerTests.address(10)])
        }
    }

    @Test(arguments: SecureNAT.Engine.allCases)
    func `an address is not lent from the moment on that it is reserved`(_ engine: SecureNAT.Engine) throws {
        try Self.run(engine) { site, nat, _ in
            nat.reserve([DHCPServerTests.address(10)])
            #expect(site.lease().contains("ip=192.168.30.11/24"))
            nat.reserve([DHCPServerTests.address(10), DHCPServerTests.address(11)])
            #expect(site.lease().contains("ip=192.168.30.12/24"))
        }
    }

    @Test(arguments: SecureNAT.Engine.allCases)
    func `a lease that cannot be kept is not given`(_ engine: SecureNAT.Engine) throws {
        try Self.run(engine) { site, nat, store in
            store.isFull.store(true, ordering: .relaxed)
            #expect(!site.lease().contains("ip="))
            #expect(nat.leases == [])
            #expect(nat.status.traffic.leasesNotKept > 0)
            store.isFull.store(false, ordering: .relaxed)
            #expect(site.lease().contains("ip=192.168.30.10/24"))
        }
    }

    @Test(arguments: SecureNAT.Engine.allCases)
    func `a unicast renewal is answered`(_ engine: SecureNAT.Engine) throws {
        try Self.run(engine) { site, nat, store in
            #expect(site.lease().contains("ip=192.168.30.10/24"))
            let before = try #require(store.records.withLock { $0.first })
            // SIGUSR1 makes udhcpc renew; it then asks the server alone.
            let renewal = site.run(
                "busybox udhcpc -i hub0 -f -T 1 -s /bin/true & sleep 3; kill -USR1 $!; sleep 2; kill $!"
            )
            #expect(renewal.contains("lease of 192.168.30.10 obtained"))
            let after = try #require(store.records.withLock { $0.first })
            #expect(after.expiresAt > before.expiresAt)
            #expect(nat.status.traffic.silences == [:])
        }
    }

    @Test func `names are resolved at the router's address`() throws {
        try Self.run(.user) { site, nat, _ in
            let text = try #require(TextFile.read("/etc/resolv.conf"))
            let resolver = try #require(Resolvers(parsing: text).servers.first)
            try NetworkNamespace.ip("address add \(resolver)/32 dev lo")
            site.serve(
                "dnsmasq -k --no-hosts --no-resolv --listen-address=\(resolver) --bind-interfaces "
                    + "--address=/polyhub.test/203.0.113.77")
            #expect(site.lease().contains("dns=192.168.30.1"))
            let answer = site.run("busybox nslookup -type=a polyhub.test 192.168.30.1")
            #expect(answer.contains("203.0.113.77"))
        }
    }

    @Test func `the host's loopback services are out of reach`() throws {
        try Self.run(.user) { site, _, _ in
            site.serve("busybox httpd -f -p 81 -h /")
            #expect(site.lease().contains("ip="))
            let answer = site.run("curl -sS -m 3 http://192.168.30.1:81/etc/hostname")
            #expect(answer.contains("status 7"))
            let own = site.run("curl -sS -m 3 http://198.51.100.1:81/etc/hostname")
            #expect(own.contains("status 0"))
        }
    }

    @Test func `more clients than libslirp has entries for neighbours`() throws {
        try Self.run(.user) { site, nat, _ in
            #expect(site.lease().contains("ip="))
            let answer = site.run(
                """
                for i in $(seq 100 139); do ip address add 192.168.30.$i/24 dev hub0; done
                for i in $(seq 100 139); do
                    for n in 1 2; do
                        curl -s -m 50 --interface 192.168.30.$i http://\(Site.web)/index.html &
                    done
                done
                wait
                """)
            #expect(answer.split(separator: "\n").count { $0 == Site.page } == 80)
            #expect(nat.status.traffic.framesLost == 0)
        }
    }

    @Test func `the kernel is left as it was`() throws {
        try Site.run { site in
            let before = TextFile.read("/proc/sys/net/ipv4/ip_forward")
            let nat = try Self.nat(.kernel, Store())
            let devices = try nat.start()
            #expect(TextFile.read("/proc/sys/net/ipv4/ip_forward") == "1\n")
            #expect(system("nft list tables | grep -q polyhub_") == 0)
            nat.stop()
            devices.forEach { $0.close() }
            #expect(system("nft list tables | grep -q polyhub_") != 0)
            #expect(TextFile.read("/proc/sys/net/ipv4/ip_forward") == before)
            #expect(!Interface.names().contains { $0.hasPrefix(KernelObjects.interfacePrefix) })
        }
    }

    @Test func `rules that a crash left are replaced`() throws {
        try Site.run { site in
            let table = KernelObjects(hub: "TEST").table
            system("nft add table ip \(table); nft add chain ip \(table) relic")
            let nat = try Self.nat(.kernel, Store())
            site.attach(try nat.start())
            defer { nat.stop() }
            #expect(system("nft list table ip \(table) | grep -q relic") != 0)
            #expect(site.lease().contains("ip="))
        }
    }

    @Test func `a network that the host is in already is refused for the kernel's engine`() throws {
        try Site.run { site in
            let network = try #require(IPv4Subnet("198.51.100.129/25"))
            let nat = try SecureNAT(
                SecureNAT.Settings(hub: "TEST", network: network, engine: .kernel), persist: { _ in })
            #expect(throws: SecureNATError.networkInUse(network, interface: "up0")) { try nat.start() }
        }
    }
}
#endif
