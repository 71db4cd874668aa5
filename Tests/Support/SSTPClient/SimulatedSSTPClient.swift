package import OpenSSL
package import PPPPeer
package import Wire

@testable package import SSTPCore

/// An SSTP client without IO or clock, as far as a server can see it.
package struct SimulatedSSTPClient {
    package struct Options {
        package var peer = SimulatedPeer.Options()
        package var hash = HashProtocols.sha256
        /// DER of the certificate that the client saw.
        package var certificate: [UInt8] = []
        /// Spoils the Call Connected message, for instance.
        package var spoil: @Sendable (inout CryptoBindingFields) -> Void = { _ in }
        /// Knows but half of each key of EAP-TLS, as pppd 2.4.9.
        package var hasOldKeys = false
        /// Sends Call Connected without waiting for the authentication.
        package var isHasty = false
        /// Never sends it.
        package var isMute = false

        package init() {}
    }

    /// What a client may get wrong.
    package struct CryptoBindingFields {
        package var hash: HashProtocols
        package var nonce: [UInt8]
        package var certificateHash: [UInt8]
        package var hlak: SecretBytes
        package var mac: [UInt8]?
    }

    package let options: Options
    package var peer: SimulatedPeer
    /// Whole control messages by their type, and statuses of aborts.
    package private(set) var heard: [UInt16] = []
    package private(set) var statuses: [UInt32] = []
    package private(set) var answer = ""
    package private(set) var packets: [[UInt8]] = []
    private var unread: [UInt8] = []
    private var outputs: [[UInt8]] = []
    private var isOpened = false

    package init(_ options: Options) {
        self.options = options
        peer = SimulatedPeer(options.peer)
    }

    package var deadline: Instant? { peer.deadline }

    package mutating func nextOutput() -> [UInt8]? { outputs.isEmpty ? nil : outputs.removeFirst() }

    package static let request = """
        SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r
        Host: vpn.example\r
        SSTPCORRELATIONID: {7A1B4E2C-0000-4000-8000-000000000000}\r
        Content-Length: 18446744073709551615\r
        \r\n
        """

    package mutating func start() { outputs.append(Array(Self.request.utf8)) }

    package mutating func handleTimeout(at now: Instant) {
        peer.handleTimeout(at: now)
        settle()
    }

    package mutating func receive(_ octets: [UInt8], at now: Instant) {
        unread += octets
        if !isOpened {
            let end = Array("\r\n\r\n".utf8)
            guard
                let position = (0..<unread.count).first(where: {
                    Array(unread.dropFirst($0).prefix(4)) == end
                })
            else { return }
            answer = String(decoding: unread.prefix(position), as: UTF8.self)
            unread.removeFirst(position + 4)
            isOpened = true
            let ppp = ControlMessage.Attribute(id: .encapsulatedProtocol, value: [0, 1])
            outputs.append(ControlMessage(.callConnectRequest, [ppp]).octets)
        }
        while case .packet(let isControl, let length) = SSTPHeader(unread.span.bytes) {
            let packet = Array(unread.prefix(length))
            unread.removeFirst(length)
            if isControl {
                receiveControl(packet, at: now)
            } else {
                receiveFrame(Array(packet.dropFirst(4)), at: now)
            }
        }
        settle()
    }

    package mutating func send(_ type: UInt16) {
        outputs.append(ControlMessage(.init(rawValue: type)).octets)
    }

    package mutating func send(frame: [UInt8]) {
        var packet: [UInt8] = []
        packet.appendBigEndian(SSTPHeader.word(isControl: false, length: 4 + frame.count))
        outputs.append(packet + frame)
    }

    /// An IP packet for the hub.
    package mutating func send(packet: [UInt8]) {
        let isIPv6 = (packet.first ?? 0) >> 4 == 6
        send(frame: [0xff, 0x03, 0x00, isIPv6 ? 0x57 : 0x21] + packet)
    }

    private mutating func receiveFrame(_ frame: [UInt8], at now: Instant) {
        if frame.starts(with: [0xff, 0x03, 0x00, 0x21]) || frame.starts(with: [0xff, 0x03, 0x00, 0x57]) {
            packets.append(Array(frame.dropFirst(4)))
        } else if frame.first == 0x21 || frame.first == 0x57 {
            packets.append(Array(frame.dropFirst()))
        } else {
            peer.receive(frame, at: now)
        }
    }

    private mutating func receiveControl(_ packet: [UInt8], at now: Instant) {
        guard let message = try? ControlMessage(parsing: packet.span.bytes) else { return }
        heard.append(message.type.rawValue)
        if let status = message[.statusInfo].flatMap(StatusInfo.number) { statuses.append(status) }
        switch message.type {
        case .callConnectAck:
            nonce = Array(message[.cryptoBindingRequest]?.value.dropFirst(4) ?? [])
            if options.isHasty { sendConnected() }
            peer.start(at: now)
        case .echoRequest: send(9)
        case .callDisconnect: send(7)
        case .callAbort: send(5)
        default: break
        }
    }

    private var nonce: [UInt8] = []

    private mutating func settle() {
        while let output = peer.nextOutput() {
            switch output {
            case .send(let frame): send(frame: frame)
            case .authenticated: if !options.isHasty, !options.isMute { sendConnected() }
            case .up, .ended: break
            }
        }
    }

    private mutating func sendConnected() {
        let digest = options.hash == .sha1 ? DigestAlgorithm.sha1 : .sha256
        let keys =
            peer.keys ?? (send: [UInt8](repeating: 0, count: 16), receive: [UInt8](repeating: 0, count: 16))
        var fields = CryptoBindingFields(
            hash: options.hash, nonce: nonce,
            certificateHash: CryptoBinding.padded((try? digest.hash(options.certificate)) ?? []),
            hlak: peer.masterSessionKey.map {
                options.hasOldKeys ? CryptoBinding.halves(ofMSK: $0) : CryptoBinding.key(ofMSK: $0)
            }
                ?? CryptoBinding.key(keys.send, keys.receive))
        options.spoil(&fields)
        var binding = CryptoBinding(
            hash: fields.hash, nonce: fields.nonce, certificateHash: fields.certificateHash,
            compoundMAC: [UInt8](repeating: 0, count: 32))
        let blank = ControlMessage(.callConnected, [binding.attribute]).octets
        binding.compoundMAC =
            fields.mac ?? (try? CryptoBinding.compoundMAC(of: blank, hlak: fields.hlak, digest)) ?? []
        outputs.append(ControlMessage(.callConnected, [binding.attribute]).octets)
    }
}
