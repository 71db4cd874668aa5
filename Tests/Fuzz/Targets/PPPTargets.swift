import PPPPeer
import Wire

@testable import PPP

extension FuzzTarget {
    static let pppTargets = [
        FuzzTarget("ppp-options", options), FuzzTarget("ppp-eap", authentication),
        FuzzTarget("ppp-link", link),
    ]

    private static func options(_ bytes: [UInt8]) {
        _ = PPPHeader(bytes.span.bytes)
        guard let list = try? ConfigurationOption.list(parsing: bytes) else { return }
        precondition(ConfigurationOption.octets(of: list) == bytes, "options do not survive")
        var lcp = LCPOptions(mru: 1400, magicNumber: 7, methods: [.eapMSCHAPv2, .pap])
        let network = PeerNetwork(address: IPv4Address(1), own: IPv4Address(2), dns: [IPv4Address(3)])
        negotiate(&lcp, list)
        var ipcp = IPCPOptions(network)
        negotiate(&ipcp, list)
        var ipv6cp = IPV6CPOptions(own: 1, offered: 2)
        negotiate(&ipv6cp, list)
    }

    private static func negotiate(_ options: inout some OptionNegotiator, _ list: [ConfigurationOption]) {
        switch options.judge(list) {
        case .acknowledge: options.acknowledged(list)
        case .nak(let better):
            precondition(!better.isEmpty, "a Nak names what would be better")
        case .reject(let unknown):
            precondition(unknown.allSatisfy { list.contains($0) }, "what was not asked for is rejected")
        }
        options.receivedNak(list)
        options.receivedReject(list.filter { options.request.contains($0) })
        _ = options.request
    }

    /// EAP-TLS packets, each after its length, from somebody who has no key.
    private static func exchange(_ bytes: [UInt8]) {
        var exchange = EAPTLSExchange(PPPCertificates.context, packetLimit: 100)
        var rest = bytes[...]
        while let length = rest.popFirst() {
            let data = Array(rest.prefix(Int(length)))
            rest = rest.dropFirst(Int(length))
            guard let packet = try? EAPTLSPacket(parsing: data) else { continue }
            let again = try? EAPTLSPacket(parsing: packet.octets)
            precondition(again == packet, "EAP-TLS does not survive the way there and back")
            switch exchange.receive(packet) {
            case .send(let answer): precondition(answer.octets.count <= 100 - 5, "a fragment is too long")
            case .proved, .concluded: preconditionFailure("somebody without a key is let in")
            case .failed, .malformed: return
            }
        }
    }

    private static func authentication(_ bytes: [UInt8]) {
        exchange(bytes)
        if let packet = try? EAPPacket(parsing: bytes) {
            let again = try? EAPPacket(parsing: packet.octets)
            precondition(again == packet, "EAP does not survive the way there and back")
            _ = try? EAPMSCHAPv2Packet(parsing: packet.data)
        }
        if let packet = try? ControlPacket(parsing: bytes) {
            let again = try? ControlPacket(parsing: packet.octets)
            precondition(again == packet)
            var reader = ByteReader(packet.data.span.bytes)
            if let value = try? CHAPPacket.Value(parsing: &reader),
                let response = MSCHAPv2Response(value.value)
            {
                precondition(response.ntResponse.count == 24 && response.peerChallenge.count == 16)
            }
            _ = try? PAPPacket.Request(parsing: packet.data)
        }
    }

    private static let fuzzingPeer = PPPCertificates.client(PPPCertificates.alice)

    /// The first octet chooses the method and how far a link has come; behind it stand frames, each after its
    /// length, and where the length is 255 the clock goes on to the next deadline. Each frame may meet
    /// another instance.
    private static func link(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let methods: [AuthenticationMethod] = [.eapMSCHAPv2, .msCHAPv2, .chapMD5, .pap]
        var options = SimulatedPeer.Options()
        if choice & 64 != 0 { options.tls = fuzzingPeer }
        let site = PeerNetworkSite(
            .init(
                methods: (choice & 128 != 0 ? [.eapTLS] : []) + [methods[Int(choice & 3)]],
                serverName: Array("fuzz".utf8), carriesIPv6: choice & 16 != 0, tls: PPPCertificates.context),
            options, seed: 5)
        if choice & 4 == 0 { site.start() } else { site.link.start(at: site.now) }
        if choice & 8 != 0 { site.run(for: 10) { site.peer.isUp } }
        var rest = bytes.dropFirst()
        var sent = 0
        while let length = rest.popFirst(), site.link.phase != .ended {
            if length == 255 {
                if let deadline = site.link.deadline { site.link.handleTimeout(at: deadline) }
            } else {
                let frame = Array(rest.prefix(Int(length)))
                rest = rest.dropFirst(Int(length))
                try? site.link.receive(frame.span.bytes, at: site.now)
            }
            while let output = site.link.nextOutput() {
                if case .send = output { sent += 1 }
                if case .authenticate = output { site.link.decided(.refused(.credentials), at: site.now) }
            }
            // A link that may come to EAP-TLS stays where it is.
            if choice & 160 == 32 { site.swap() }
        }
        precondition(site.failedSwaps == 0, "a link cannot go on in another instance")
        precondition(sent <= 4 * bytes.count + 64, "a peer gets more out of a link than it puts in")
    }
}
