import EngineParts
public import PluginABI
public import Wire

/// The data channel of a connection: which keys, and packets in and out.
extension Connection {
    var encapsulation: DataEncapsulation {
        DataEncapsulation(
            suite ?? DataCipherSuite(.aes256GCM), isTCP: path.transport == .stream,
            hasPeerID: peerInfo.capabilities.contains(.dataV2),
            framing: optionsString.usesCompressionFraming ? .stub : .none)
    }

    /// Seals a payload in place, in the headroom and tailroom that the session request asked for; over a
    /// stream the packet's length is put in front. False: it is to be dropped.
    public func seal(_ slice: inout pa_slice_v1, at now: Instant) -> Bool {
        guard let data, unsafe data.seal(&slice) == nil else { return false }
        lastSent = now
        guard path.transport == .stream else { return true }
        guard unsafe slice.headroom >= 2, unsafe slice.start != nil else { return false }
        let length = unsafe UInt16(truncatingIfNeeded: slice.length)
        unsafe slice.extendFront(StreamFraming.headerLength)
        unsafe UnsafeMutableRawPointer(slice.start).storeBytes(of: length.bigEndian, as: UInt16.self)
        return true
    }

    func makeFirstDataChannel() -> Bool {
        let encapsulation = encapsulation
        data = DataChannel(peerID: encapsulation.hasPeerID ? peerID : nil, framing: encapsulation.framing)
        return installKeys(of: active)
    }

    /// Derives the slot's data keys. What both sides can decides how; it was pushed.
    func installKeys(of slot: KeySlot) -> Bool {
        guard let suite, let data else { return false }
        do {
            if peerInfo.capabilities.contains(.tlsKeyExport) {
                let material = try slot.tls.exportKeyingMaterial(
                    label: DataKeys.exporterLabel, count: DataKeys.length)
                try data.install(DataKeys(exported: material), suite, as: slot.keyID)
                return true
            }
            guard let client = slot.clientSource, let server = slot.serverSource,
                let keys = try DataKeys(
                    client: client, server: server, clientSessionID: clientSessionID,
                    serverSessionID: serverSessionID)
            else { return false }
            try data.install(keys, suite, as: slot.keyID)
            return true
        } catch {
            return false
        }
    }

    func sendPing(at moment: Moment) {
        lastSent = moment.now
        let encapsulation = encapsulation
        let headroom = encapsulation.headroom + StreamFraming.headerLength
        var buffer = [UInt8](repeating: 0, count: headroom) + DataMessage.ping
        buffer += [UInt8](repeating: 0, count: encapsulation.tailroom)
        let packet: [UInt8]? = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return nil }
            var slice = unsafe pa_slice_v1(
                start: start + headroom, length: UInt32(DataMessage.ping.count), headroom: UInt16(headroom),
                tailroom: UInt16(encapsulation.tailroom))
            guard unsafe seal(&slice, at: moment.now) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
        if let packet { put(.send(packet, path)) }
    }
}
