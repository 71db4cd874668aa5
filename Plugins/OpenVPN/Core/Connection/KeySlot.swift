import EngineParts
import OpenSSL
import Wire

/// One TLS session of a connection with its own reliable stream. The first has key
/// id 0; every renegotiation is a new slot.
final class KeySlot {
    /// TLS octets that a peer may send before its keys are in use: a ClientHello with a post-quantum share, a
    /// certificate chain of 4 kB and a key-method message are half of it.
    ///
    /// What a client that is not authenticated can make us hold: of these, what is no whole record or message
    /// yet; `ReliableReceiver.maxHeld` out of order; our own first flight. Beside that OpenSSL 3.0 holds 9 kB
    /// for a session, 61 kB from the first octet to a whole ClientHello (its buffers for a record and a
    /// message, whatever their size), 46 kB while the client's answer is waited for, 63 kB when that is cut
    /// short, and 82 kB behind a ClientHello that never ends; `ServerOptions.maxHalfOpen` bounds the sum.
    static let maxHandshakeOctets = 16 * 1024
    /// TLS octets that wait behind a full backlog. A client that makes us answer and does not listen is gone.
    static let maxUnsent = 64 * 1024
    /// Octets of a control message of the client.
    static let maxMessageOctets = 4096

    enum Event {
        case keyMethod(KeyMethod2)
        /// Printable, without its NUL.
        case message(String)
        /// TLS close_notify.
        case closedByPeer
    }

    /// Why the slot is of no more use.
    struct Failure: Error, Equatable {
        let reason: String
    }

    let keyID: KeyID
    let startedAt: Instant
    let tls: TLSSession
    private(set) var sender: ReliableSender
    private var receiver: ReliableReceiver
    /// Octets of TLS in one control packet.
    private let chunk: Int
    private var isHandshakeDone = false
    private var handshakeOctets = 0
    /// Plaintext that is no whole message yet.
    private var partial: [UInt8] = []
    private var hasClientKey = false

    /// What the client sent, until the data keys are made.
    var clientSource: KeySource?
    var serverSource: KeySource?
    /// When the keys were exchanged and the client accepted.
    var establishedAt: Instant?

    /// `reset`: the opcode of our first packet; nil where a stateless answer was it.
    init(
        _ keyID: KeyID, _ context: TLSContext, reset: Opcode?, overhead: Int, at now: Instant
    ) throws(OpenSSLError) {
        self.keyID = keyID
        startedAt = now
        tls = try TLSSession(context)
        let skipped: UInt32 = reset == nil ? 1 : 0
        sender = ReliableSender(firstID: skipped)
        receiver = ReliableReceiver(nextID: skipped)
        let body = 1 + 4 * ControlBody.maxPiggybacked + 8 + 4
        chunk = ControlPacket.maxSent - ControlHead.length - overhead - body
        if let reset { _ = sender.enqueue(reset, []) }
    }

    /// One that began elsewhere.
    private init(
        _ keyID: KeyID, _ tls: TLSSession, _ sender: ReliableSender, _ receiver: ReliableReceiver,
        chunk: Int, startedAt: Instant
    ) {
        self.keyID = keyID
        self.tls = tls
        self.sender = sender
        self.receiver = receiver
        self.chunk = chunk
        self.startedAt = startedAt
    }

    /// A message that never came to its end may hold a password.
    deinit { wipe(&partial) }

    var deadline: Instant? { sender.deadline }

    /// From when on the handshake window counts: once our half is said, the client has all of it to say that
    /// it has heard it, for it may use the new key already.
    var windowBegan: Instant { establishedAt ?? startedAt }

    /// Whether everything that we said was heard.
    var isIdle: Bool { sender.isIdle && tls.pendingOutput == 0 }

    // MARK: In

    func receive(_ body: ControlBody, _ opcode: Opcode, at now: Instant) {
        for id in body.acknowledged { sender.receivedAcknowledgement(of: id, at: now) }
        if let message = body.message { receiver.receive(opcode, message) }
    }

    /// Works off what has arrived in order.
    func nextEvents() throws(Failure) -> [Event] {
        var events: [Event] = []
        do {
            while let (opcode, payload) = receiver.next() {
                guard opcode == .control || opcode == .controlWKc else { continue }
                try receiveTLS(payload)
            }
            guard isHandshakeDone else { return [] }
            while var record = try tls.read(limit: KeyMethod2.maxLength) {
                defer { wipe(&record) }
                try take(record, &events)
            }
        } catch let failure as TLSSession.Failure {
            throw Failure(reason: "TLS: " + failure.reason)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(reason: "a broken key-method message")
        }
        guard tls.pendingOutput <= Self.maxUnsent else { throw Failure(reason: "the client does not listen") }
        if tls.isClosedByPeer { events.append(.closedByPeer) }
        return events
    }

    private func receiveTLS(_ payload: [UInt8]) throws {
        if establishedAt == nil {
            handshakeOctets += payload.count
            guard handshakeOctets <= Self.maxHandshakeOctets else {
                throw Failure(reason: "too long a handshake")
            }
        }
        try tls.receive(payload)
        isHandshakeDone = try tls.handshake()
    }

    private func take(_ record: [UInt8], _ events: inout [Event]) throws {
        partial += record
        if !hasClientKey {
            guard let message = try parseKeyMethod() else { return }
            hasClientKey = true
            events.append(.keyMethod(message))
        }
        while let end = partial.firstIndex(of: 0) {
            if let text = Self.printable(partial[..<end]) { events.append(.message(text)) }
            partial.removeSubrange(...end)
        }
        guard partial.count <= Self.maxMessageOctets else {
            throw Failure(reason: "too long a control message")
        }
    }

    /// Nil while it is not complete. A client writes it in one record, and nothing else into that.
    private func parseKeyMethod() throws -> KeyMethod2? {
        var octets: [UInt8] = []
        defer { wipe(&octets) }
        swap(&octets, &partial)
        do throws(WireError) {
            return try Self.parse(octets)
        } catch .truncated {
            swap(&octets, &partial)
            return nil
        }
    }

    private static func parse(_ octets: [UInt8]) throws(WireError) -> KeyMethod2 {
        var reader = unsafe ByteReader(octets.span.bytes)
        return try KeyMethod2(parsing: &reader, from: .client)
    }

    /// Nil for what does not belong into a message, CVE-2024-5594.
    private static func printable(_ octets: ArraySlice<UInt8>) -> String? {
        guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return String(validating: octets, as: UTF8.self)
    }

    // MARK: Out

    /// A control message; the NUL is added. Only after the handshake.
    func send(_ text: String) throws(Failure) { try send(Array(text.utf8) + [0]) }

    func send(_ octets: [UInt8]) throws(Failure) {
        do throws(TLSSession.Failure) {
            try tls.write(octets)
        } catch {
            throw Failure(reason: "TLS: " + error.reason)
        }
    }

    /// The next packet for the peer, without wrapping.
    func nextPacket(at now: Instant) -> (opcode: Opcode, body: (SessionID) -> ControlBody)? {
        while tls.pendingOutput > 0, sender.mayEnqueue(chunk) {
            _ = sender.enqueue(.control, tls.takeOutput(upTo: chunk))
        }
        if let (opcode, message) = sender.next(at: now) {
            let ids = receiver.acknowledgements(upTo: ControlBody.maxPiggybacked)
            return (opcode, { ControlBody(acknowledged: ids, peerSessionID: $0, message: message) })
        }
        guard receiver.owesAcknowledgements else { return nil }
        let ids = receiver.acknowledgements(upTo: ControlBody.maxAcknowledgements)
        return (.acknowledgement, { ControlBody(acknowledged: ids, peerSessionID: $0, message: nil) })
    }
}

// MARK: - Handover

extension KeySlot {
    func serialize(into record: inout ConnectionRecord) {
        record.octets.append(keyID.rawValue)
        record.octets.append(startedAt)
        record.octets.append(tls.isClosedByPeer)
        record.octets.append(isHandshakeDone)
        unsafe record.sessions.append(tls.address)
        sender.serialize(into: &record.octets)
        receiver.serialize(into: &record.octets)
        record.octets.appendBigEndian(UInt32(chunk))
        record.octets.appendBigEndian(UInt32(handshakeOctets))
        record.octets.appendCounted(partial)
        record.octets.append(hasClientKey)
        for source in [clientSource, serverSource] {
            record.octets.appendOptional(source) { $1.serialize(into: &$0) }
        }
        record.octets.appendOptional(establishedAt) { $0.append($1) }
    }

    /// Takes the first of `sessions`, which is only borrowed until it is made ours.
    convenience init(
        parsing reader: inout ByteReader, sessions: inout ArraySlice<UnsafeMutableRawPointer>
    ) throws(WireError) {
        let keyID = KeyID(try reader.read(UInt8.self))
        let startedAt = try reader.readInstant()
        let isClosedByPeer = try reader.readFlag()
        let isHandshakeDone = try reader.readFlag()
        guard let address = unsafe sessions.popFirst() else { throw .truncated }
        let tls = unsafe TLSSession(
            borrowing: address, isHandshakeDone: isHandshakeDone, isClosedByPeer: isClosedByPeer)
        let (sender, receiver) = (
            try ReliableSender(parsing: &reader), try ReliableReceiver(parsing: &reader)
        )
        self.init(
            keyID, tls, sender, receiver, chunk: Int(try reader.read(UInt32.self)), startedAt: startedAt)
        self.isHandshakeDone = isHandshakeDone
        handshakeOctets = Int(try reader.read(UInt32.self))
        partial = try reader.readCounted()
        hasClientKey = try reader.readFlag()
        clientSource = try reader.readFlag() ? try KeySource(parsing: &reader) : nil
        serverSource = try reader.readFlag() ? try KeySource(parsing: &reader) : nil
        establishedAt = try reader.readOptionalInstant()
    }
}

extension KeySource {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendOptional(preMaster) { $0.append(contentsOf: [UInt8](copying: $1.bytes)) }
        octets.append(contentsOf: [UInt8](copying: random1.bytes))
        octets.append(contentsOf: [UInt8](copying: random2.bytes))
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        let preMaster = try reader.readFlag() ? try reader.take(Self.preMasterLength) : nil
        self.init(
            preMaster: preMaster.map { SecretBytes(copying: $0) },
            random1: SecretBytes(copying: try reader.take(Self.randomLength)),
            random2: SecretBytes(copying: try reader.take(Self.randomLength)))
    }
}
