import OpenSSL
public import OpenVPNCore
import PluginABI
import Wire

/// The client's packets, in and out.
extension SimulatedClient {
    /// TLS in one control packet: less than a server would put there.
    private static let chunk = 1100

    public func receive(_ bytes: [UInt8], at moment: Moment) {
        guard !isEnded, let first = bytes.first, let opcode = Opcode(firstOctet: first) else { return }
        if opcode.isData { return receiveData(bytes) }
        guard let packet = try? wrapping.unwrap(bytes) else { return }
        receive(packet, at: moment)
        flush(at: moment)
    }

    private func receive(_ packet: ControlPacket, at moment: Moment) {
        let head = packet.head
        if head.opcode == .hardResetServerV2, serverSessionID == nil {
            serverSessionID = head.sessionID
            resendsWrappedKey = packet.body.message?.payload == EarlyNegotiation.resendWKc
        }
        guard head.sessionID == serverSessionID else { return }
        if head.opcode == .softReset, !ignoresRenewal, let newest = slots.last, newest.isReady,
            head.keyID == newest.keyID.next
        {
            begin(head.keyID, at: moment)
        }
        guard let slot = slots.first(where: { $0.keyID == head.keyID }) else { return }
        for id in packet.body.acknowledged { slot.sender.receivedAcknowledgement(of: id, at: moment.now) }
        if let message = packet.body.message { slot.receiver.receive(head.opcode, message) }
        do {
            try advance(slot, at: moment)
        } catch {
            end("TLS: \(error)")
        }
    }

    private func advance(_ slot: ClientSlot, at moment: Moment) throws {
        while let (opcode, payload) = slot.receiver.next() {
            if opcode == .control { try slot.tls.receive(payload) }
            slot.hasStarted = true
        }
        guard slot.hasStarted, try slot.tls.handshake() else { return }
        if !slot.hasSentKey { try sendKey(slot) }
        while let record = try slot.tls.read(limit: KeyMethod2.maxLength) {
            slot.plaintext += record
            if !slot.isReady { try receiveKey(slot, at: moment) }
            while slot.isReady, let end = slot.plaintext.firstIndex(of: 0) {
                let text = String(decoding: slot.plaintext[..<end], as: UTF8.self)
                slot.plaintext.removeSubrange(...end)
                received(text, slot, at: moment)
            }
        }
    }

    private func sendKey(_ slot: ClientSlot) throws {
        slot.hasSentKey = true
        if let octets = options.keyMethodOctets { return try slot.tls.write(octets) }
        let dev = options.device.rawValue
        let text =
            options.optionsString
            ?? "V4,dev-type \(dev),link-mtu 1549,tun-mtu 1500,proto UDPv4,auth SHA1,key-method 2,tls-client"
        var lines = ["IV_VER=2.6.14", "IV_PLAT=linux", "IV_PROTO=\(options.capabilities.rawValue)"]
        if !options.ciphers.isEmpty {
            lines.append("IV_CIPHERS=" + options.ciphers.map(\.rawValue).joined(separator: ":"))
        }
        var octets: [UInt8] = []
        KeyMethod2(
            keySource: slot.source, options: text, username: options.username,
            password: options.password.map { SecretBytes(copying: Array($0.utf8)) },
            peerInfo: lines.joined(separator: "\n") + "\n"
        ).serialize(into: &octets)
        try slot.tls.write(octets)
    }

    private func receiveKey(_ slot: ClientSlot, at moment: Moment) throws {
        let message = try Self.parse(slot.plaintext)
        slot.plaintext = []
        slot.isReady = true
        serverOptions = message.options
        slot.serverSource = message.keySource
        if isConnected {
            try install(slot)
            data?.send(with: slot.keyID)
            outputs.append(.renewed(slot.keyID))
        } else if !options.capabilities.contains(.requestPush) {
            pushDue = moment.now
        }
    }

    private static func parse(_ octets: [UInt8]) throws -> KeyMethod2 {
        var reader = ByteReader(octets.span.bytes)
        return try KeyMethod2(parsing: &reader, from: .server)
    }

    private func received(_ text: String, _ slot: ClientSlot, at moment: Moment) {
        if text.hasPrefix("PUSH_REPLY") {
            receivedPush(text, slot, at: moment)
        } else if ["AUTH_FAILED", "RESTART", "HALT"].contains(where: text.hasPrefix) {
            // What we owe the server still has to go out.
            flush(at: moment)
            end(text)
        }
    }

    private func receivedPush(_ text: String, _ slot: ClientSlot, at moment: Moment) {
        guard !isConnected else { return }
        var parts = text.split(separator: ",").dropFirst().map(String.init)
        let isContinued = parts.contains("push-continuation 2")
        parts.removeAll { $0.hasPrefix("push-continuation") }
        pushed += parts
        guard !isContinued else { return }
        pushDue = nil
        isConnected = true
        pingDue = moment.now.advanced(by: options.pingInterval)
        do {
            data = DataChannel(role: .client, peerID: pushedValue("peer-id").flatMap { UInt32($0) })
            try install(slot)
            outputs.append(.connected(pushed))
        } catch {
            end("data keys: \(error)")
        }
    }

    public func pushedValue(_ name: String) -> String? {
        pushed.first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private func install(_ slot: ClientSlot) throws {
        let cipher =
            pushedValue("cipher").flatMap { DataCipher(name: $0) } ?? options.ciphers.first ?? .aes256GCM
        let isExported = pushed.contains { $0.contains("tls-ekm") }
        let keys: DataKeys? =
            isExported
            ? DataKeys(
                exported: try slot.tls.exportKeyingMaterial(
                    label: DataKeys.exporterLabel, count: DataKeys.length))
            : try slot.serverSource.flatMap { server in
                try DataKeys(
                    client: slot.source, server: server, clientSessionID: sessionID,
                    serverSessionID: serverSessionID ?? SessionID(0))
            }
        guard let keys else { return }
        if slots.count > 2 { data?.remove(slots.removeFirst().keyID) }
        try data?.install(keys, DataCipherSuite(cipher), as: slot.keyID)
    }

    func end(_ reason: String) {
        guard !isEnded else { return }
        isEnded = true
        outputs.append(.ended(reason))
    }

    func flush(at moment: Moment) {
        for slot in slots {
            while slot.tls.pendingOutput > 0 {
                guard slot.sender.enqueue(.control, slot.tls.takeOutput(upTo: Self.chunk)) else { break }
            }
            while let (opcode, message) = slot.sender.next(at: moment.now) {
                let ids = acknowledgements(slot, upTo: ControlBody.maxPiggybacked)
                send(opcode, slot, ids, message)
            }
            if slot.receiver.owesAcknowledgements {
                send(
                    .acknowledgement, slot, acknowledgements(slot, upTo: ControlBody.maxAcknowledgements), nil
                )
            }
        }
    }

    private func acknowledgements(_ slot: ClientSlot, upTo count: Int) -> [UInt32] {
        guard serverSessionID != nil else { return [] }
        let owed = slot.receiver.owedCount
        let ids = slot.receiver.acknowledgements(upTo: count)
        return options.repeatsAcknowledgements ? ids : Array(ids.prefix(owed))
    }

    private func send(_ opcode: Opcode, _ slot: ClientSlot, _ ids: [UInt32], _ message: ControlBody.Message?)
    {
        var opcode = opcode
        if resendsWrappedKey, slot.keyID == .first, message?.packetID == 1 { opcode = .controlWKc }
        let body = ControlBody(acknowledged: ids, peerSessionID: serverSessionID, message: message)
        let packet = ControlPacket(head: ControlHead(opcode, slot.keyID, sessionID), body: body)
        guard let bytes = try? wrapping.wrap(packet) else { return }
        outputs.append(.send(opcode.carriesWrappedKey ? bytes + wrappedKey : bytes))
    }
}
