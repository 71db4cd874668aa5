import EngineParts
import OpenSSL
public import Wire

/// A connection as it travels to another instance of the module: octets, and the TLS sessions by address, in
/// the order of the key slots. The addresses stay the exporting side's until `Connection.giveUp`.
@safe public struct ConnectionRecord {
    /// Of the octets below. A change to what is written is a new version.
    public static let version: UInt32 = 1

    public var octets: [UInt8] = []
    @unsafe public var sessions: [UnsafeMutableRawPointer] = unsafe []

    public init() {}
}

extension Connection {
    func serialize(into record: inout ConnectionRecord) {
        record.octets.appendBigEndian(id.rawValue)
        record.octets.appendBigEndian(peerID)
        path.serialize(into: &record.octets)
        record.octets.appendBigEndian(clientSessionID.rawValue)
        record.octets.appendBigEndian(serverSessionID.rawValue)
        wrapping.serialize(into: &record.octets)
        record.octets.append(beganAt)
        stage.serialize(into: &record.octets)
        active.serialize(into: &record)
        for slot in [negotiating, lameDuck] {
            record.octets.append(slot != nil)
            slot?.serialize(into: &record)
        }
        for instant in [lameDuckUntil, renegotiateAt, pushedAt] {
            record.octets.appendOptional(instant) { $0.append($1) }
        }
        record.octets.appendBigEndian(carriedBefore.octets)
        record.octets.appendBigEndian(carriedBefore.packets)
        serializeClient(into: &record.octets)
        record.octets.append(lastHeard)
        record.octets.append(lastSent)
        record.octets.append(isHalfOpen)
        record.octets.appendOptional(data) { $1.serialize(into: &$0) }
    }

    /// Who it is, what was agreed with it, and what it is waiting for.
    private func serializeClient(into octets: inout [UInt8]) {
        octets.appendOptional(username) { $0.append($1) }
        octets.appendOptional(certificate) { $1.serialize(into: &$0) }
        octets.appendOptional(shownCertificate) { $1.serialize(into: &$0) }
        octets.append(peerInfo.text)
        octets.append(optionsString.text)
        octets.appendOptional(suite) { $1.serialize(into: &$0) }
        octets.append(pushesCipher)
        octets.append(layer.rawValue)
        octets.appendBigEndian(ticket)
        octets.appendBigEndian(lastTicket)
        octets.append(sessionIsOpen)
        octets.append(wantsPush)
        octets.appendBigEndian(UInt32(pushMessages.count))
        for message in pushMessages { octets.append(message) }
    }

    /// `shared`: the server's own keys, one of which is the connection's as a rule. The TLS sessions at
    /// `sessions` are only borrowed until `adopt`.
    convenience init(
        parsing reader: inout ByteReader, sessions: [UnsafeMutableRawPointer], shared: [ControlKeys],
        _ resources: ServerResources
    ) throws(WireError) {
        var sessions = unsafe sessions[...]
        let origin = try Origin(parsing: &reader)
        let wrapping = try ControlWrapping(parsing: &reader, shared: shared)
        let beganAt = try reader.readInstant()
        let stage = try Stage(parsing: &reader)
        let active = try unsafe KeySlot(parsing: &reader, sessions: &sessions)
        self.init(origin, resources, wrapping, active, beganAt: beganAt)
        self.stage = stage
        if try reader.readFlag() { negotiating = try unsafe KeySlot(parsing: &reader, sessions: &sessions) }
        if try reader.readFlag() { lameDuck = try unsafe KeySlot(parsing: &reader, sessions: &sessions) }
        lameDuckUntil = try reader.readOptionalInstant()
        renegotiateAt = try reader.readOptionalInstant()
        pushedAt = try reader.readOptionalInstant()
        carriedBefore.octets = try reader.read(UInt64.self)
        carriedBefore.packets = try reader.read(UInt64.self)
        try parseClient(&reader)
        lastHeard = try reader.readInstant()
        lastSent = try reader.readInstant()
        isHalfOpen = try reader.readFlag()
        if try reader.readFlag() { data = try DataChannel(parsing: &reader) }
        guard reader.remaining == 0, unsafe sessions.isEmpty else { throw .badLength }
    }

    private func parseClient(_ reader: inout ByteReader) throws(WireError) {
        username = try reader.readOptionalText()
        if try reader.readFlag() { certificate = try PeerCertificate(parsing: &reader) }
        if try reader.readFlag() { shownCertificate = try PeerCertificate(parsing: &reader) }
        peerInfo = try PeerInfo(parsing: try reader.readText())
        optionsString = OptionsString(parsing: try reader.readText())
        if try reader.readFlag() { suite = try DataCipherSuite(parsing: &reader) }
        pushesCipher = try reader.readFlag()
        guard let layer = SessionRequest.Layer(rawValue: try reader.read(UInt8.self)) else {
            throw .badValue
        }
        self.layer = layer
        ticket = try reader.read(UInt64.self)
        lastTicket = try reader.read(UInt64.self)
        sessionIsOpen = try reader.readFlag()
        wantsPush = try reader.readFlag()
        for _ in 0..<(try reader.readCount()) { pushMessages.append(try reader.readText()) }
    }

    private var slots: [KeySlot] { [active, negotiating, lameDuck].compactMap(\.self) }

    /// The exporting side: the TLS sessions are another's from now on.
    func giveUp() {
        for slot in slots { slot.tls.isOwner = false }
        leavePlace()
    }

    /// The importing side: they are ours.
    func adopt() {
        for slot in slots { slot.tls.isOwner = true }
        guard stage == .opening || stage == .open else { return }
        options.clients.adopt()
        hasPlace = true
    }
}

extension Connection.Origin {
    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(
            id: ConnectionID(rawValue: try reader.read(UInt64.self)), peerID: try reader.read(UInt32.self),
            path: try Path(parsing: &reader), client: SessionID(try reader.read(UInt64.self)),
            server: SessionID(try reader.read(UInt64.self)))
    }
}

extension Connection.Stage {
    fileprivate func serialize(into octets: inout [UInt8]) {
        switch self {
        case .handshake: octets.append(0)
        case .authenticating: octets.append(1)
        case .opening: octets.append(2)
        case .open: octets.append(3)
        case .ending(let until):
            octets.append(4)
            octets.append(until)
        }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .handshake
        case 1: self = .authenticating
        case 2: self = .opening
        case 3: self = .open
        case 4: self = .ending(until: try reader.readInstant())
        default: throw .badValue
        }
    }
}

// MARK: - Smaller things

extension Path {
    public func serialize(into octets: inout [UInt8]) {
        octets.append(transport.rawValue)
        octets.appendBigEndian(handle)
        remote.serialize(into: &octets)
        octets.appendOptional(local) { $1.serialize(into: &$0) }
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        guard let transport = Transport(rawValue: try reader.read(UInt8.self)) else { throw .badValue }
        let handle = try reader.read(UInt64.self)
        let remote = try TransportAddress(parsing: &reader)
        let local = try reader.readFlag() ? try TransportAddress(parsing: &reader) : nil
        self.init(transport, handle: handle, remote: remote, local: local)
    }
}

extension PeerCertificate {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.append(subject)
        octets.append(commonName)
        octets.appendCounted(der)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(
            subject: try reader.readText(), commonName: try reader.readText(), der: try reader.readCounted())
    }
}

extension PeerInfo {
    fileprivate var text: String { values.map { "\($0.name)=\($0.value)\n" }.joined() }
}

extension DataCipherSuite {
    func serialize(into octets: inout [UInt8]) {
        octets.append(cipher.rawValue)
        octets.append((authentication ?? .sha1).rawValue)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        guard let cipher = DataCipher(name: try reader.readText()),
            let digest = DigestAlgorithm(rawValue: try reader.readText())
        else { throw .badValue }
        self.init(cipher, authentication: digest)
    }
}
