import EngineParts
import OpenSSL
import PPP
public import Wire

/// A connection as it travels to another instance of the module, in whatever state it is. Of an HTTP request
/// that is not whole nothing travels: the host shows its octets again from the first.
public enum ConnectionRecord {
    /// Of the octets. A change to what is written is a new version.
    public static let version: UInt32 = 1
}

extension Connection {
    private static let recordedStages: [Stage] = [.opening, .calling]

    /// Nil when it has ended, or while outputs wait: they are to be drained first. Holds secrets, which are
    /// to be wiped.
    public var record: [UInt8]? {
        guard isDrained, stage != .closed, let link = link.record else { return nil }
        var octets: [UInt8] = []
        octets.append(stage, of: Self.recordedStages)
        octets.appendCounted(link)
        call.serialize(into: &octets)
        octets.append(name)
        octets.appendOptional(wish) { $1.serialize(into: &$0) }
        octets.append(hasSession)
        octets.append(hasEnded)
        // Memory that grows leaves copies behind.
        octets.reserveCapacity(octets.count + 2 * (1 + CryptoBinding.keyLength))
        octets.appendOptional(call.hlak) { $0.append($1) }
        octets.appendOptional(hlak) { $0.append($1) }
        return octets
    }

    /// The connection that `record` was made of. What it is not asked yet is asked by `options`, those of the
    /// instance that takes it over: whether a binding is demanded, and how large packets of its network are.
    public init(
        _ record: [UInt8], _ options: ConnectionOptions, random: any RandomNumberGenerator & Sendable
    ) throws(WireError) {
        var reader = ByteReader(record.rawSpan)
        self.options = options
        stage = try reader.readOne(of: Self.recordedStages)
        link = try Link(try reader.readCounted(), random: random)
        call = try Call(parsing: &reader, requiresBinding: options.requiresBinding)
        name = try reader.readText()
        wish = try reader.readFlag() ? try SessionWish(parsing: &reader) : nil
        hasSession = try reader.readFlag()
        hasEnded = try reader.readFlag()
        call.hlak = try reader.readFlag() ? try reader.readKey() : nil
        hlak = try reader.readFlag() ? try reader.readKey() : nil
        guard reader.remaining == 0 else { throw .badLength }
        guard isWhole else { throw .badValue }
        updateOpen()
    }

    /// Whether its machines are as far as each other.
    private var isWhole: Bool {
        switch call.state {
        case .connectRequestPending: link.phase == .dead && !hasSession
        case .connectedPending: stage == .calling && link.phase != .dead && !hasSession
        case .connected: stage == .calling && link.phase != .dead && call.hlak != nil
        case .abortPending, .abortTimeoutPending, .disconnectAckPending, .disconnectTimeoutPending:
            !hasSession
        case .disconnected: false
        }
    }
}

extension Call {
    /// All but the key.
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.append(state, of: State.allCases)
        octets.append(expectation.hashes.rawValue)
        octets += expectation.nonce
        octets.appendCounted(expectation.certificate)
        octets.appendOptional(timer) { $0.append($1) }
        octets.append(lastReceived)
        octets.append(isEchoAwaited)
        octets.append(UInt8(clamping: naks))
        octets.append(isOver)
    }

    fileprivate init(parsing reader: inout ByteReader, requiresBinding: Bool) throws(WireError) {
        let state = try reader.readOne(of: State.allCases)
        let expectation = BindingExpectation(
            hashes: HashProtocols(rawValue: try reader.read(UInt8.self)),
            nonce: try reader.take(CryptoBinding.nonceLength), certificate: try reader.readCounted())
        let timer = try reader.readOptionalInstant()
        self.init(expectation, requiresBinding: requiresBinding, at: try reader.readInstant())
        self.state = state
        self.timer = timer
        isEchoAwaited = try reader.readFlag()
        naks = Int(try reader.read(UInt8.self))
        isOver = try reader.readFlag()
    }
}

extension SessionWish {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendOptional(address) { $0.appendBigEndian($1.bits) }
        octets.appendBigEndian(UInt16(clamping: mtu))
        octets.appendOptional(software) { $0.append($1) }
        octets.appendOptional(hostName) { $0.append($1) }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        address = try reader.readFlag() ? try reader.readIPv4Address() : nil
        mtu = Int(try reader.read(UInt16.self))
        software = try reader.readOptionalText()
        hostName = try reader.readOptionalText()
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ key: SecretBytes) {
        for index in 0..<key.count { append(key.bytes.bigEndian(at: index, as: UInt8.self)) }
    }
}

extension ByteReader {
    fileprivate mutating func readKey() throws(WireError) -> SecretBytes {
        var octets = try take(CryptoBinding.keyLength)
        defer { wipe(&octets) }
        return SecretBytes(copying: octets)
    }
}
