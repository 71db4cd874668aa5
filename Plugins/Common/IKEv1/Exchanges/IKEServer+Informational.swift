import OpenSSL
import Wire

/// Notifications and deletions, RFC 2409 §5.7; is the peer there, RFC 3706.
///
///     HDR*, HASH(1), N or D
extension IKEServer {
    /// What is not protected by the SA is not looked at: everybody could have sent it.
    func receiveInformational(_ message: Message, _ sa: ISAKMPSA, at now: Instant) throws(WireError) {
        let id = message.header.messageID
        guard let established = sa.established, message.header.flags.contains(.encryption), id != 0 else {
            return
        }
        guard let iv = try? established.keys.iv(lastBlock: established.lastBlock, messageID: id),
            let plain = CipherChain(established.keys, iv: iv).decrypt(message.body),
            let content = ProtectedMessage(plain, first: message.header.nextPayload),
            let expected = try? established.keys.authenticate(id.octets, content.authenticated),
            constantTimeEquals(expected, content.hash)
        else { return unauthentic += 1 }
        guard sa.use(id, .informational) else { return }
        var notifications: [(Notification, DeadPeerProbe.Age)] = []
        for body in content.payloads.all(.notification) {
            let notification = try Notification(parsing: body)
            notifications.append((notification, age(of: notification, sa)))
        }
        // What was held back says neither that the peer lives nor where.
        if notifications.allSatisfy({ $1 == .new }) { heard(sa, message.path, at: now) }
        for (notification, age) in notifications where age != .old { receive(notification, sa) }
        for body in content.payloads.all(.delete) { receive(try Deletion(parsing: body), sa, at: now) }
    }

    /// As its number says, where it has one.
    private func age(of notification: Notification, _ sa: ISAKMPSA) -> DeadPeerProbe.Age {
        let number = notification.data.reduce(0) { $0 << 8 | UInt32($1) }
        switch notification.type {
        case .areYouThere:
            return notification.data.count == 4 ? sa.probe.age(ofQuestion: number) : .old
        case .areYouThereAcknowledged:
            return notification.data.count == 4 && sa.probe.isAsked(number) ? .new : .old
        default: return .new
        }
    }

    private func receive(_ notification: Notification, _ sa: ISAKMPSA) {
        switch notification.type {
        case .areYouThere:
            let answer = Notification(
                .areYouThereAcknowledged, .isakmp, spi: sa.cookies.octets, data: notification.data)
            sendInformational([Payload(.notification, answer.body)], sa)
        case .areYouThereAcknowledged, .replayStatus, .responderLifetime, .initialContact:
            break
        default:
            log(.notice, "notification type=\(notification.type.rawValue)", sa.path)
        }
    }

    private func receive(_ deletion: Deletion, _ sa: ISAKMPSA, at now: Instant) {
        if deletion.protocolID == .isakmp {
            if deletion.spis.contains(sa.cookies.octets) { close(sa, .peer, tellsPeer: false) }
        } else if deletion.protocolID == .esp {
            // The SPIs are the peer's: those of the SAs by which we send.
            let gone = Set(
                deletion.spis.compactMap { $0.count == 4 ? $0.reduce(0) { $0 << 8 | UInt32($1) } : nil })
            let ours = sa.children.filter { children[$0].map { gone.contains($0.sa.peerSPI) } ?? true }
            sa.children.removeAll { ours.contains($0) }
            for spi in ours { forget(spi, .peer) }
        }
    }

    // MARK: Ours

    func sendDeletion(of spis: [UInt32], _ sa: ISAKMPSA) {
        let deletion = Deletion(.esp, spis.map(\.octets))
        sendInformational([Payload(.delete, deletion.body)], sa)
    }

    func sendDeletion(of sa: ISAKMPSA) {
        let deletion = Deletion(.isakmp, [sa.cookies.octets])
        sendInformational([Payload(.delete, deletion.body)], sa)
    }

    func sendInformational(_ payloads: [Payload], _ sa: ISAKMPSA) {
        guard let established = sa.established else { return }
        let id = makeMessageID(sa)
        let keys = established.keys
        guard let iv = try? keys.iv(lastBlock: established.lastBlock, messageID: id) else { return }
        var chain = CipherChain(keys, iv: iv)
        let octets = try? ProtectedMessage.octets(payloads) { rest throws(OpenSSLError) in
            try keys.authenticate(id.octets, rest)
        }
        guard let octets, let body = try? chain.encrypt(octets) else { return }
        let header = ISAKMPHeader(
            sa.cookies, .informational, messageID: id, flags: .encryption, nextPayload: .hash)
        var message: [UInt8] = []
        header.serialize(into: &message, bodyLength: body.count)
        send(message + body, header, to: sa.path)
    }

    /// None that the peer has used under this SA.
    func makeMessageID(_ sa: ISAKMPSA) -> UInt32 {
        while true {
            let id = UInt32.random(in: 1 ... .max, using: &random)
            if !sa.hasUsed(id) { return id }
        }
    }
}
