import Testing
import Wire

@testable import OpenVPNCore

private func address(_ text: String) -> IPv4Address { IPv4Address(text)! }

@Suite struct PushReplyTests {
    private var tun: PushReply {
        var reply = PushReply()
        reply.interface = PushReply.Subnet(address("10.99.7.2"), mask: address("255.255.255.0"))
        reply.gateway = address("10.99.7.1")
        reply.routes = [PushReply.Route(PushReply.Subnet(address("10.0.0.0"), mask: address("255.0.0.0")))]
        reply.pingInterval = 10
        reply.pingRestart = 60
        reply.peerID = 0
        reply.cipher = .aes256GCM
        reply.protocolFlags = [.controlChannelExit, .tlsKeyExport, .dynamicTLSCrypt]
        reply.tunMTU = 1500
        return reply
    }

    @Test func `the same options as OpenVPN 2_6 pushes for such a network`() {
        let theirs =
            "route 10.0.0.0 255.0.0.0,route-gateway 10.99.7.1,topology subnet,ping 10,ping-restart 60,"
            + "ifconfig 10.99.7.2 255.255.255.0,peer-id 0,cipher AES-256-GCM,"
            + "protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1500"
        #expect(Set(tun.options) == Set(theirs.split(separator: ",").map(String.init)))
        #expect(tun.messages().count == 1)
        #expect(tun.messages()[0].hasPrefix("PUSH_REPLY,route-gateway 10.99.7.1,"))
    }

    @Test func `everything there is`() {
        var reply = tun
        reply.routes.append(
            PushReply.Route(
                PushReply.Subnet(address("192.168.5.0"), mask: address("255.255.255.128")),
                gateway: address("10.99.7.9")))
        reply.dnsServers = [address("10.99.7.1"), address("8.8.8.8")]
        reply.winsServers = [address("10.99.7.3")]
        reply.domain = "corp.example"
        reply.redirectsGateway = true
        reply.framing = .stubV2
        let options = reply.options
        for option in [
            "route 192.168.5.0 255.255.255.128 10.99.7.9", "dhcp-option DNS 10.99.7.1",
            "dhcp-option DNS 8.8.8.8", "dhcp-option WINS 10.99.7.3", "dhcp-option DOMAIN corp.example",
            "redirect-gateway def1", "compress stub-v2",
        ] {
            #expect(options.contains(option))
        }
    }

    @Test func `IPv6 as OpenVPN 2_6 pushes it`() {
        var reply = tun
        reply.redirectsGateway = true
        let own = IPv6Address("2001:db8:7::1000")!
        var ipv6 = PushReply.IPv6(
            own, prefixLength: 64, remote: IPv6Address("fe80::1")!, hasRouter: true)
        ipv6.routes = [IPv6Prefix("2001:db8:8::/64")!]
        ipv6.dnsServers = [IPv6Address("2001:db8:7::53")!]
        reply.ipv6 = ipv6
        let options = reply.options
        for option in [
            "ifconfig-ipv6 2001:db8:7::1000/64 fe80::1", "route-ipv6 2001:db8:8::/64",
            "dhcp-option DNS6 2001:db8:7::53", "redirect-gateway def1 ipv6",
        ] {
            #expect(options.contains(option))
        }
        // Where no router is, the client's other network keeps what it has.
        reply.ipv6?.hasRouter = false
        #expect(reply.options.contains("redirect-gateway def1"))
    }

    @Test func `over tap the client finds its address itself`() {
        var reply = PushReply()
        reply.pingInterval = 10
        reply.peerID = 7
        #expect(reply.messages() == ["PUSH_REPLY,ping 10,peer-id 7"])
        #expect(PushReply().messages() == ["PUSH_REPLY"])
    }

    @Test func `a client of 2_5 is told of the exporter in its own words`() {
        var reply = PushReply()
        reply.protocolFlags = [.tlsKeyExport]
        reply.peerKnowsProtocolFlags = false
        #expect(reply.options == ["key-derivation tls-ekm"])
        reply.protocolFlags = []
        #expect(reply.options == [])
    }

    @Test(arguments: ["a,redirect-gateway", "a b", "", "a\nb", "ä", String(repeating: "a", count: 254)])
    func `a domain that is no host name is not pushed`(domain: String) {
        var reply = PushReply()
        reply.domain = domain
        #expect(reply.options == [])
    }

    @Test(arguments: [64, 80, 200, 1024]) func `a long reply is split, and nothing of it is lost`(limit: Int)
    {
        var reply = tun
        reply.routes = (0..<200).map { index in
            PushReply.Route(
                PushReply.Subnet(
                    IPv4Address(0x0a00_0000 + UInt32(index) << 8), mask: address("255.255.255.0")))
        }
        reply.protocolFlags = []
        let messages = reply.messages(limit: limit)
        #expect(messages.count > 1)
        var options: [String] = []
        for (index, message) in messages.enumerated() {
            #expect(message.utf8.count + 1 <= limit)
            let parts = message.split(separator: ",").map(String.init)
            #expect(parts.first == "PUSH_REPLY")
            #expect(parts.last == "push-continuation \(index == messages.count - 1 ? 1 : 2)")
            options += parts.dropFirst().dropLast()
        }
        #expect(options == reply.options)
    }

    @Test func `lists are bounded`() {
        var reply = PushReply()
        let route = PushReply.Route(PushReply.Subnet(address("10.0.0.0"), mask: address("255.0.0.0")))
        reply.routes = Array(repeating: route, count: 1000)
        reply.dnsServers = Array(repeating: address("10.0.0.1"), count: 100)
        #expect(reply.options.count == PushReply.maxRoutes + PushReply.maxServers)
    }
}

@Suite struct DataEncapsulationTests {
    /// Of the largest packet that carries so many octets, reckoned from the room that it is given.
    private func length(_ payload: Int, _ sizes: DataEncapsulation) -> Int {
        let inside = 4 + sizes.framing.maxOverhead
        let outside = (sizes.isTCP ? 2 : 0) + sizes.headroom - inside
        guard !sizes.suite.cipher.isAEAD else { return outside + inside + payload }
        return outside + ((inside + payload) / 16 + 1) * 16
    }

    @Test func `the largest payload fits, and one octet more does not`() {
        for cipher in DataCipher.allCases {
            for isTCP in [false, true] {
                for framing: CompressionFraming in [.none, .stub, .stubV2] {
                    let suite = DataCipherSuite(cipher, authentication: .sha256)
                    let sizes = DataEncapsulation(suite, isTCP: isTCP, framing: framing)
                    for link in [100, 576, 1280, 1471, 1472] {
                        let payload = sizes.maxPayload(link: link)
                        #expect(length(payload, sizes) <= link)
                        #expect(length(payload + 1, sizes) > link)
                    }
                    #expect(sizes.maxPayload(link: 10) == 0)
                }
            }
        }
    }

    @Test func `sizes of the usual ciphers`() {
        let gcm = DataEncapsulation(DataCipherSuite(.aes256GCM), isTCP: false)
        #expect(gcm.headroom == 24 && gcm.tailroom == 0)
        #expect(gcm.maxPayload(link: 1472) == 1448)
        #expect(DataEncapsulation(DataCipherSuite(.aes256GCM), isTCP: false, hasPeerID: false).headroom == 21)
        let cbc = DataEncapsulation(DataCipherSuite(.aes256CBC, authentication: .sha256), isTCP: false)
        #expect(cbc.headroom == 4 + 32 + 16 + 4 && cbc.tailroom == 16)
        #expect(cbc.maxPayload(link: 1472) == 1408 - 5)
    }
}
