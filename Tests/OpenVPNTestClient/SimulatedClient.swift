public import OpenSSL
public import OpenVPNCore
import PluginABI
public import Wire

/// An OpenVPN client without sockets and clock, for tests: handshake, push, data, renegotiation, goodbye. It
/// speaks as OpenVPN 2.6 does, and does no more than tests need: routes are not set and the server's
/// certificate is not checked.
public final class SimulatedClient {
    public enum Wrapping: Sendable {
        case plain
        case tlsAuth(StaticKey, DigestAlgorithm)
        case tlsCrypt(StaticKey)
        /// `sendsKeyAgain`: as 2.6 does; before, the wrapped key came in the first packet alone.
        case tlsCryptV2(TLSCryptV2ClientKey, sendsKeyAgain: Bool)
    }

    public struct Options: Sendable {
        public var wrapping = Wrapping.plain
        public var username: String? = "alice"
        public var password: String? = "secret"
        public var identity: TLSContext.Identity?
        public var device = OptionsString.Device.tun
        public var optionsString: String?
        public var ciphers: [DataCipher] = [.aes256GCM, .aes128GCM]
        /// IV_PROTO: P_DATA_V2, push without request, TLS key export, EXIT over the control channel.
        public var capabilities: PeerInfo.Capabilities = [.dataV2, .tlsKeyExport, .controlChannelExit]
        public var isStream = false
        /// Clients before 2.6 say each acknowledgement once.
        public var repeatsAcknowledgements = true
        public var pingInterval: Duration = .seconds(10)
        /// Sent in the place of the key-method message.
        public var keyMethodOctets: [UInt8]?

        public init() {}
    }

    public enum Output: Sendable {
        /// A packet, without a stream's length.
        case send([UInt8])
        /// The options of the push reply.
        case connected([String])
        /// What was in a data packet.
        case received([UInt8])
        /// AUTH_FAILED, RESTART, HALT with what follows; TLS broken.
        case ended(String)
        /// A renegotiation is complete.
        case renewed(KeyID)
    }

    static let pushInterval: Duration = .seconds(5)

    public internal(set) var options: Options
    var context: TLSContext
    public let sessionID: SessionID
    var wrapping: ControlWrapping
    var wrappedKey: [UInt8] = []
    var resendsWrappedKey = false
    public internal(set) var serverSessionID: SessionID?
    var slots: [ClientSlot] = []
    var outputs: [Output] = []
    public internal(set) var data: DataChannel?
    public internal(set) var pushed: [String] = []
    public internal(set) var isConnected = false
    public internal(set) var isEnded = false
    public internal(set) var serverOptions = ""
    /// Keys that the server wants to renew are not.
    public var ignoresRenewal = false
    var pushDue: Instant?
    var pingDue: Instant?

    public init(_ options: Options, random: inout some RandomNumberGenerator, at moment: Moment) throws {
        self.options = options
        context = try TLSContext(.client, identity: options.identity, authorities: nil)
        sessionID = SessionID(random.next())
        var sentBefore: UInt32 = 0
        let keys: ControlKeys
        switch options.wrapping {
        case .plain: keys = .plain
        case .tlsAuth(let key, let digest): keys = .tlsAuth(try TLSAuthKeys(key, digest, .inverse))
        case .tlsCrypt(let key): keys = .tlsCrypt(try TLSCryptKeys(key, .inverse))
        case .tlsCryptV2(let client, let sendsKeyAgain):
            keys = .tlsCrypt(try TLSCryptKeys(client.key, .inverse))
            wrappedKey = client.wrapped
            if sendsKeyAgain { sentBefore = EarlyNegotiation.marker }
        }
        wrapping = ControlWrapping(keys, time: moment.wallSeconds, sentBefore: sentBefore)
        let reset: Opcode = wrappedKey.isEmpty ? .hardResetClientV2 : .hardResetClientV3
        slots = [try ClientSlot(.first, context, reset, at: moment.now)]
        flush(at: moment)
    }

    public func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    public var deadline: Instant? {
        isEnded ? nil : (slots.compactMap(\.sender.deadline) + [pushDue, pingDue].compactMap(\.self)).min()
    }

    public func handleTimeout(at moment: Moment) {
        guard !isEnded else { return }
        if let pushDue, moment.now >= pushDue {
            self.pushDue = moment.now.advanced(by: Self.pushInterval)
            say("PUSH_REQUEST")
        }
        if let pingDue, moment.now >= pingDue { send(DataMessage.ping, at: moment) }
        flush(at: moment)
    }

    // MARK: What a test asks of it

    /// One IP packet or Ethernet frame.
    public func send(_ payload: [UInt8], at moment: Moment) {
        guard let data, let packet = Self.seal(payload, data) else { return }
        pingDue = moment.now.advanced(by: options.pingInterval)
        outputs.append(.send(packet))
    }

    /// A control message, with its NUL.
    public func say(_ text: String, at moment: Moment) {
        say(text)
        flush(at: moment)
    }

    public func renegotiate(at moment: Moment) {
        guard isConnected, slots.count < 3, let newest = slots.last, newest.isReady else { return }
        begin(newest.keyID.next, at: moment)
        flush(at: moment)
    }

    /// Octets that go straight into the TLS channel of the newest slot.
    public func write(_ octets: [UInt8], at moment: Moment) {
        try? slots.last?.tls.write(octets)
        flush(at: moment)
    }

    /// From the next handshake on it shows this certificate.
    public func present(_ identity: TLSContext.Identity?) throws {
        context = try TLSContext(.client, identity: identity, authorities: nil)
    }

    /// From the next key exchange on it says that it is somebody else.
    public func rename(_ username: String) { options.username = username }

    func begin(_ keyID: KeyID, at moment: Moment) {
        guard let slot = try? ClientSlot(keyID, context, .softReset, at: moment.now) else { return }
        slots.append(slot)
        if slots.count > 3 { data?.remove(slots.removeFirst().keyID) }
    }

    private func say(_ text: String) { try? slots.last { $0.isReady }?.tls.write(Array(text.utf8) + [0]) }
}

/// One TLS session of the client.
final class ClientSlot {
    let keyID: KeyID
    let tls: TLSSession
    let source: KeySource
    var sender = ReliableSender()
    var receiver = ReliableReceiver()
    var hasStarted = false
    var hasSentKey = false
    /// The server's half of the key exchange is here.
    var isReady = false
    var plaintext: [UInt8] = []
    var serverSource: KeySource?

    init(_ keyID: KeyID, _ context: TLSContext, _ reset: Opcode, at now: Instant) throws {
        self.keyID = keyID
        tls = try TLSSession(context)
        source = try KeySource.client()
        _ = sender.enqueue(reset, [])
    }
}
