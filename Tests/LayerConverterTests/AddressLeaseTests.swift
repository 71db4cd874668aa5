import Testing
import Wire

@testable import LayerConverter

@Suite struct AddressLeaseTests {
    private func lease(_ change: (inout DHCPOptions) -> Void) -> AddressLease? {
        var message = DHCPMessage(.bootReply, .ack, xid: 1, chaddr: clientMAC)
        message.yiaddr = leased
        message.options.set(.serverIdentifier, serverA)
        message.options.set(.subnetMask, IPv4Address("255.255.255.0")!)
        message.options.set(.leaseTime, .seconds(7200))
        change(&message.options)
        return AddressLease(message, at: .at(0))
    }

    @Test func `everything that a server tells`() throws {
        let lease = try #require(
            lease {
                $0.set(.router, serverA)
                $0.set(.domainNameServer, [serverA, serverB])
                $0.set(.netBIOSNameServer, serverB)
                $0.set(.domainName, "office.example")
                $0[.interfaceMTU] = [0x05, 0x78]
            })
        #expect(lease.subnet == IPv4Subnet("192.168.30.10/24"))
        #expect(lease.gateway == serverA)
        #expect(lease.dns == [serverA, serverB])
        #expect(lease.wins == [serverB])
        #expect(lease.domain == "office.example")
        #expect(lease.mtu == 1400)
        #expect(lease.server == serverA)
        #expect(lease.expiry == .at(7200))
        #expect(lease.renewalTime == .seconds(3600))
        #expect(lease.rebindingTime == .seconds(6300))
    }

    @Test func `T1 and T2 are the server's if they are in order`() throws {
        for (t1, t2, isOrdered) in [(10, 20, true), (20, 10, false), (10, 7200, false), (0, 10, false)] {
            let lease = try #require(
                lease {
                    $0.set(.renewalTime, .seconds(t1))
                    $0.set(.rebindingTime, .seconds(t2))
                })
            #expect((lease.renewalTime == .seconds(t1) && lease.rebindingTime == .seconds(t2)) == isOrdered)
        }
    }

    @Test func `a lease for ever has no times, a very short one is stretched, a missing one is an hour`()
        throws
    {
        let forever = try #require(lease { $0[.leaseTime] = [255, 255, 255, 255] })
        #expect(forever.duration == nil && forever.expiry == nil && forever.renewalTime == nil)
        #expect(lease { $0.set(.leaseTime, .zero) }?.duration == .seconds(5))
        #expect(lease { $0[.leaseTime] = nil }?.duration == .seconds(3600))
    }

    @Test func `classless routes, RFC 3442`() throws {
        let lease = try #require(
            lease {
                $0.set(.router, serverA)
                $0[.classlessStaticRoutes] = [
                    24, 10, 17, 0, 192, 168, 30, 7,  // 10.17.0.0/24
                    12, 172, 0x1f, 192, 168, 30, 8,  // 172.16.0.0/12: bits outside of the mask
                    32, 10, 1, 2, 3, 0, 0, 0, 0,  // on the link
                    0, 192, 168, 30, 2,  // the default route
                ]
            })
        #expect(lease.gateway == serverB)  // and not the router option
        #expect(
            lease.routes.map(\.description) == [
                "10.17.0.0/24 through 192.168.30.7", "172.16.0.0/12 through 192.168.30.8",
                "10.1.2.3/32 through 0.0.0.0",
            ])
    }

    @Test(
        arguments: [[33, 1, 2, 3, 4, 5, 1, 2, 3, 4], [24, 10, 17], [24, 10, 17, 0, 192, 168, 30], [255]]
            as [[UInt8]])
    func `malformed classless routes are as none`(value: [UInt8]) throws {
        let lease = try #require(
            lease {
                $0.set(.router, serverA)
                $0[.classlessStaticRoutes] = value
            })
        #expect(lease.routes.isEmpty)
        #expect(lease.gateway == serverA)
    }

    @Test func `text that could escape into a protocol is no domain`() {
        for domain in ["a b", "a,b", "a\"b", "a\nb", "lan;rm", String(repeating: "a", count: 254)] {
            #expect(lease { $0.set(.domainName, domain) }?.domain == nil, "\(domain)")
        }
    }

    @Test func `without a mask the class is meant`() {
        #expect(lease { $0[.subnetMask] = nil }?.subnet.prefixLength == 24)
    }

    @Test func `lists are bounded`() throws {
        let lease = try #require(
            lease {
                $0.set(.domainNameServer, Array(repeating: serverA, count: 100))
                $0[.classlessStaticRoutes] = (0..<200).flatMap { [16, 10, UInt8($0), 192, 168, 30, 1] }
            })
        #expect(lease.dns.count == AddressLease.maxServers)
        #expect(lease.routes.count == AddressLease.maxRoutes)
    }
}
