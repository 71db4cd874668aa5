import ESP
import IKEPeer
import LabCertificates
import LentPackets
import OpenSSL
import PPP
import PluginABI
import Wire

@testable import IKEv1
@testable import IPsecCore
@testable import L2TP

extension FuzzTarget {
    static let ipsecTargets = [
        FuzzTarget("ike-payloads", payloads), FuzzTarget("ike-server", ikeServer),
        FuzzTarget("ike-protected", protectedMessages), FuzzTarget("esp-packet", espPacket),
        FuzzTarget("ipsec-payload", ipsecPayload), FuzzTarget("l2tp-avps", avps),
        FuzzTarget("l2tpv3-control", l2tpv3Control), FuzzTarget("l2tp-session", l2tpSession),
    ]

    private static let now = Instant(nanoseconds: 1_000_000_000_000)
    private static let path = IKEPath(
        socket: 1, remote: TransportAddress(ipv4: 0xc633_6402, port: 500),
        local: TransportAddress(ipv4: 0xc000_0201, port: 500), isEncapsulated: false)

    private static let certificates: CertificateAuthentication? = {
        guard
            let own = try? RSAIdentity(
                chain: Array(LabCertificates.server.utf8), key: Array(LabCertificates.serverKey.utf8)),
            let authorities = try? CertificateAuthorities(pem: Array(LabCertificates.authority.utf8))
        else { return nil }
        return CertificateAuthentication(own: own, authorities: authorities)
    }()

    private static func ipsecServer() -> IPsecServer? {
        var options = IKEOptions(preSharedKeys: [SecretBytes(copying: Array("secret".utf8))])
        options.allowsAggressiveMode = true
        let server = try? IPsecServer(
            options, calls: CallOptions(methods: [.eapMSCHAPv2, .msCHAPv2, .pap]),
            cookieKey: Array(repeating: 7, count: 32), random: SplitMix64(seed: 1))
        server?.setCertificates(certificates)
        server?.listensNatively(.ipv4, socket: 50)
        return server
    }

    // MARK: IKE

    /// A message in clear, and each of its payloads as whatever it says it is.
    private static func payloads(_ bytes: [UInt8]) {
        var input = ByteReader(bytes.rawSpan)
        guard let header = try? ISAKMPHeader(parsing: &input),
            let all = try? Payload.chain(from: header.nextPayload, in: &input, padding: Payload.maxPadding)
        else { return }
        _ = Abilities.of(all)
        for payload in all {
            if let offer = try? SAPayload(parsing: payload.body) {
                _ = PhaseOnePolicy().choose(offer)
                _ = PhaseTwoPolicy().choose(offer, isInUDP: true)
                precondition((try? SAPayload(parsing: offer.body)) == offer, "an offer does not survive")
            }
            if let identity = try? Identification(parsing: payload.body) {
                precondition(!identity.text.contains("\n") && identity.body == payload.body)
            }
            if let certificate = try? CertificatePayload(parsing: payload.body) {
                precondition(certificate.body == payload.body, "a certificate does not survive")
            }
            _ = try? Notification(parsing: payload.body)
            _ = try? Deletion(parsing: payload.body)
            _ = try? Fragment(parsing: payload.body)
        }
        _ = try? QuickModeRequest(all)
        prove(all)
    }

    /// As a proof by signature of a hash that nobody has signed.
    private static func prove(_ payloads: [Payload]) {
        guard let certificates, let proof = try? SignatureProof(payloads),
            let body = payloads.first(.identification), let identity = try? Identification(parsing: body)
        else { return }
        let hash = [UInt8](repeating: 0xa5, count: 32)
        precondition(
            (try? proof.judge(identity, hash: hash, certificates.authorities)) == nil, "a forged signature")
    }

    /// Messages of a stranger: each behind its length in two octets.
    private static func ikeServer(_ bytes: [UInt8]) {
        guard let server = ipsecServer() else { return }
        for message in pieces(bytes) {
            server.receive(message, from: path, at: now)
            while server.nextOutput() != nil {}
        }
        precondition(server.saCount <= 32, "a stranger makes more than his share")
    }

    /// What an established peer says, well encrypted: the first octet is the exchange, the rest the payloads
    /// behind a hash that is right.
    private static func protectedMessages(_ bytes: [UInt8]) {
        guard let choice = bytes.first, let server = ipsecServer() else { return }
        let peer = IKEPeer(path: path, random: SplitMix64(seed: 2))
        connect(peer, server)
        let exchange: ExchangeType = choice & 1 == 0 ? .quickMode : .informational
        let first = PayloadType(rawValue: choice >> 1)
        guard let message = try? peer.protected(Array(bytes.dropFirst()), first: first, exchange) else {
            return
        }
        exchangeMessages([message], peer, server)
        server.handleTimeout(at: now + .seconds(100_000))
        while server.nextOutput() != nil {}
    }

    private static func connect(_ peer: IKEPeer, _ server: IPsecServer) {
        exchangeMessages([peer.start()], peer, server)
        guard let quick = try? peer.startQuickMode() else { return }
        exchangeMessages([quick], peer, server)
    }

    private static func exchangeMessages(_ messages: [[UInt8]], _ peer: IKEPeer, _ server: IPsecServer) {
        var waiting = messages
        while !waiting.isEmpty {
            server.receive(waiting.removeFirst(), from: path, at: now)
            while let output = server.nextOutput() {
                switch output {
                case .send(let octets, let path) where path.socket == 1:
                    waiting += (try? peer.receive(octets)) ?? []
                default: perform(output, server)
                }
            }
        }
    }

    private static func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        var input = ByteReader(bytes.rawSpan)
        var pieces: [[UInt8]] = []
        while let length = try? input.read(UInt16.self),
            let piece = try? input.take(min(Int(length), input.remaining))
        { pieces.append(piece) }
        return pieces
    }

    // MARK: ESP

    /// A packet that is none, and one that is: what is opened is what was sealed.
    private static func espPacket(_ bytes: [UInt8]) {
        guard let choice = bytes.first, bytes.count < 2000 else { return }
        let suites: [ESPSuite] = [
            .cbc(.aes128CBC, .sha1), .gcm(.aes256GCM), .cbc(.aes256CBC, .sha512, isExtended: true),
            .gcm(.aes128GCM, isExtended: true),
        ]
        let suite = suites[Int(choice) % suites.count]
        let keys = SecretBytes(copying: [UInt8](repeating: choice, count: suite.keyLength))
        guard let inbound = try? InboundSA(spi: 300, suite, keys: keys),
            let outbound = try? OutboundSA(spi: 300, suite, keys: keys)
        else { return }
        let octets = Array(bytes.dropFirst())
        let stranger = LentPacket(octets)
        if case .payload = inbound.open(&stranger.slice) { preconditionFailure("a forged packet was opened") }
        let packet = LentPacket(octets)
        precondition(outbound.seal(&packet.slice, nextHeader: choice) == nil)
        let opened = inbound.open(&packet.slice)
        precondition(choice == 59 || opened == .payload(choice) && packet.octets == octets)
    }

    /// What an established peer puts into ESP: the first octet is the protocol, its highest bit tunnel mode.
    private static func ipsecPayload(_ bytes: [UInt8]) {
        guard let choice = bytes.first, bytes.count < 2000, let server = ipsecServer() else { return }
        let peer = IKEPeer(path: path, random: SplitMix64(seed: 2))
        peer.suite = PhaseTwoSuite(
            .gcm(.aes128GCM), EncapsulationMode(isTunnel: choice & 0x80 != 0, isInUDP: false))
        connect(peer, server)
        guard let child = peer.children.first,
            let outbound = try? OutboundSA(
                spi: child.peerSPI, child.suite.esp, keys: child.outboundKeys)
        else { preconditionFailure("a good peer was not let in") }
        for payload in pieces(Array(bytes.dropFirst())) {
            let packet = LentPacket(payload)
            guard payload.count < 1500, outbound.seal(&packet.slice, nextHeader: choice & 0x7f) == nil else {
                continue
            }
            let received = server.open(&packet.slice, from: path, at: now)
            precondition(received == .consumed || packet.octets.count >= EthernetFrame.headerLength)
            exchangeMessages([], peer, server)
        }
        server.handleTimeout(at: now + .seconds(100))
        while server.nextOutput() != nil {}
    }

    // MARK: L2TP

    /// What an established peer sends from port 1701, each piece behind its length, once it has a tunnel with
    /// one call: the first octet says whether pieces are control messages in order (their header is made),
    /// PPP frames of that call, or whole packets.
    private static func l2tpSession(_ bytes: [UInt8]) {
        guard let choice = bytes.first, bytes.count < 4000, let server = ipsecServer() else { return }
        let peer = IKEPeer(path: path, random: SplitMix64(seed: 2))
        peer.suite = PhaseTwoSuite(
            .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: false))
        connect(peer, server)
        guard let child = peer.children.first,
            let outbound = try? OutboundSA(
                spi: child.peerSPI, child.suite.esp, keys: child.outboundKeys)
        else { preconditionFailure("a good peer was not let in") }
        var ns: UInt16 = 0
        func deliver(_ payload: [UInt8]) {
            var datagram: [UInt8] = [6, 165, 6, 165]
            datagram.appendBigEndian(UInt16(8 + payload.count))
            let packet = LentPacket(datagram + [0, 0] + payload)
            guard payload.count < 1400, outbound.seal(&packet.slice, nextHeader: 17) == nil else { return }
            let received = server.open(&packet.slice, from: path, at: now)
            precondition(received == .consumed || packet.octets.count < payload.count)
            server.settleAfterData(at: now)
            while let output = server.nextOutput() { perform(output, server) }
        }
        func control(_ body: [UInt8], session: UInt16) {
            let tunnel = server.peers.all.first?.l2tp.tunnels.first?.machine.localID ?? 0
            var octets: [UInt8] = []
            L2TPHeader(
                isControl: true, tunnel: tunnel, session: session,
                numbers: L2TPHeader.Numbers(ns: ns, nr: 0)
            ).serialize(into: &octets, bodyLength: body.count)
            ns &+= 1
            deliver(octets + body)
        }
        control(ControlMessage(.SCCRQ, [AVP(.assignedTunnelID, number: 7 as UInt16)]).body, session: 0)
        control(ControlMessage(.SCCCN).body, session: 0)
        control(ControlMessage(.ICRQ, [AVP(.assignedSessionID, number: 8 as UInt16)]).body, session: 0)
        control(ControlMessage(.ICCN).body, session: 1)
        precondition(server.calls.count == 1, "a good caller was not let in")
        let tunnel = server.peers.all.first?.l2tp.tunnels.first?.machine.localID ?? 0
        for piece in pieces(Array(bytes.dropFirst())) {
            switch choice % 3 {
            case 0: control(piece, session: UInt16(choice) / 3)
            case 1: deliver(L2TPHeader.data(tunnel: tunnel, session: 1) + piece)
            default: deliver(piece)
            }
        }
        server.handleTimeout(at: now + .seconds(100))
        server.handleTimeout(at: now + .seconds(200))
        while let output = server.nextOutput() { perform(output, server) }
    }

    private static func perform(_ output: IPsecOutput, _ server: IPsecServer) {
        switch output {
        case .authenticate(let question):
            server.decided(question.place, ticket: question.ticket, refusal: nil, at: now)
        case .authenticateUser(let question):
            server.decided(
                question.place, ticket: question.ticket, .accepted(authenticatorResponse: []), at: now)
        case .openSession(let wish) where wish.network == nil:
            server.sessionOpened(wish.place, at: now)
        case .openSession(let wish):
            let network = PeerNetwork(address: IPv4Address(0x0a58_0064), own: IPv4Address(0x0a58_0001))
            server.networkOpened(wish.place, network, at: now)
        default: break
        }
    }

    private static func avps(_ bytes: [UInt8]) {
        var input = ByteReader(bytes.rawSpan)
        guard let message = try? ControlMessage(parsing: &input) else { return }
        var again = ByteReader(message.body.rawSpan)
        precondition((try? ControlMessage(parsing: &again)) == message, "a message does not survive")
        _ = try? HiddenAVP.reveal(message.avps, secret: SecretBytes(copying: [1, 2, 3]))
        for avp in message.avps { _ = try? ResultCode(parsing: avp.value) }
    }

    /// Bodies of messages, each behind its length: the first one begins the connection.
    private static func l2tpv3Control(_ bytes: [UInt8]) {
        var connection: ControlConnection?
        for (index, body) in pieces(bytes).enumerated() {
            var input = ByteReader(body.rawSpan)
            let header = L2TPv3Header(
                connection: connection == nil ? 0 : 9, ns: UInt16(truncatingIfNeeded: index), nr: 0)
            if connection == nil {
                guard let message = try? ControlMessage(parsing: &input) else { return }
                connection = try? ControlConnection(
                    answering: message, header, .ip,
                    as: ControlConnection.LocalEnd(connection: 9, routerID: 1, hostName: "x"), at: now)
            } else {
                try? connection?.receive(header, &input, at: now)
            }
            while let output = connection?.nextOutput() {
                if output == .sessionRequested { connection?.accept(sessionID: 7, at: now) }
            }
        }
        connection?.handleTimeout(at: now + .seconds(1000))
    }
}
