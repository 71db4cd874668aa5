import OpenSSL
import Wire

// MARK: - EAP

extension Authenticator {
    mutating func receiveEAP(
        _ packet: EAPPacket, _ random: inout some RandomNumberGenerator, at now: Instant
    ) throws(WireError) {
        guard packet.code == .response else { return }
        if stage == .done, let lastWord, packet.identifier == lastWord.identifier {
            return outputs.append(.send(lastWord.octets))
        }
        guard packet.identifier == identifier else { return }
        switch (stage, packet.method) {
        case (.identity, .identity?):
            identity = packet.data
            propose(&random, at: now)
        case (.challenge, .nak?): receivedNak(packet.data, &random, at: now)
        case (.tls, .nak?) where exchange?.isFresh == true: receivedNak(packet.data, &random, at: now)
        case (.tls, .tls?): receiveTLS(packet.data, at: now)
        case (.challenge, .msCHAPv2?), (.retry, .msCHAPv2?), (.confirming, .msCHAPv2?):
            try receive(EAPMSCHAPv2Packet(parsing: packet.data), at: now)
        default: break
        }
    }

    private mutating func propose(_ random: inout some RandomNumberGenerator, at now: Instant) {
        if method == .eapTLS, let tls {
            stage = .tls
            exchange = EAPTLSExchange(tls, packetLimit: packetLimit)
            limit = now + Self.patience
            askTLS(.start, at: now)
        } else {
            stage = .challenge
            exchange = nil
            limit = nil
            renewChallenge(&random)
            let value = CHAPPacket.Value(challenge, name: serverName)
            askEAP(EAPMSCHAPv2Packet(CHAPPacket.challenge, identifier &+ 1, value.octets), at: now)
        }
    }

    /// RFC 3748 §5.3.1: the peer says what it would rather do. The strongest of that which is ours too is
    /// tried; where there is none, LCP may know something else than EAP.
    private mutating func receivedNak(
        _ wanted: [UInt8], _ random: inout some RandomNumberGenerator, at now: Instant
    ) {
        let left = methods.dropFirst()
        guard let index = left.firstIndex(where: { $0.eapType.map { wanted.contains($0.rawValue) } ?? false })
        else { return end(.failed(.unwilling)) }
        methods.removeSubrange(..<index)
        propose(&random, at: now)
    }

    private mutating func receive(_ packet: EAPMSCHAPv2Packet, at now: Instant) throws(WireError) {
        switch (stage, packet.opCode) {
        case (.challenge, CHAPPacket.response), (.retry, CHAPPacket.response):
            var reader = ByteReader(packet.data.rawSpan)
            receiveResponse(try CHAPPacket.Value(parsing: &reader))
        case (.confirming(isSuccess: true), CHAPPacket.success): endEAP(.success, .accepted, at: now)
        case (.confirming(isSuccess: false), CHAPPacket.failure), (.retry, CHAPPacket.failure):
            endEAP(.failure, .failed(.refused(refusal)), at: now)
        default: break
        }
    }

    mutating func askEAP(_ packet: EAPMSCHAPv2Packet, at now: Instant) {
        identifier &+= 1
        ask(EAPPacket(.request, identifier, .msCHAPv2, packet.octets).octets, at: now)
    }

    /// EAP's own end has the identifier of the response that led to it, RFC 3748 §4.2.
    mutating func endEAP(_ code: EAPPacket.Code, _ output: Output, at now: Instant) {
        conclude(ControlPacket(ControlPacket.Code(rawValue: code.rawValue), identifier), output, at: now)
    }
}

// MARK: - EAP-TLS

extension Authenticator {
    private mutating func receiveTLS(_ data: [UInt8], at now: Instant) {
        guard let packet = try? EAPTLSPacket(parsing: data), let step = exchange?.receive(packet) else {
            return endEAP(.failure, .failed(.malformed), at: now)
        }
        switch step {
        case .send(let answer): askTLS(answer, at: now)
        case .proved(let certificate): judge(nameProved(by: certificate), .certificate(certificate.der))
        case .concluded: endEAP(.success, .accepted, at: now)
        case .failed(let reason):
            endEAP(.failure, .failed(.tls(reason, identity: identity)), at: now)
        case .malformed: endEAP(.failure, .failed(.malformed), at: now)
        }
    }

    /// A peer may hide its name until TLS protects it, RFC 9190 §2.1.4: then the certificate's stands for it.
    private func nameProved(by certificate: PeerCertificate) -> [UInt8] {
        guard identity.isEmpty || identity.first == UInt8(ascii: "@") else { return identity }
        return Array(certificate.commonName.utf8) + identity
    }

    mutating func concludeTLS(at now: Instant) {
        guard let packet = exchange?.accept() else {
            return endEAP(.failure, .failed(.tls("TLS failed", identity: identity)), at: now)
        }
        stage = .tls
        // How long the judge took is not the peer's fault.
        limit = now + Self.patience
        askTLS(packet, at: now)
    }

    private mutating func askTLS(_ packet: EAPTLSPacket, at now: Instant) {
        identifier &+= 1
        ask(EAPPacket(.request, identifier, .tls, packet.octets).octets, at: now)
    }
}
