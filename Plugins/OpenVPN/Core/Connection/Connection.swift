import EngineParts
import OpenSSL
import Wire

/// One client: its control channel with up to three key slots, who it is, its session, its data channel.
///
/// The connection decides nothing about users and addresses: it puts out questions and goes on when the
/// answers come. All calls are made by its `Server`, on its lane.
public final class Connection {
    /// Bound of everything that the log gets to see of a client's own words.
    static let maxQuoted = 200
    /// Octets that pass everywhere without fragments, as a rule: an Ethernet link with PPPoE on the way.
    static let assumedPathMTU = 1492
    /// A repeated PUSH_REQUEST is answered again, but not more often.
    static let pushRepeatInterval: Duration = .seconds(5)

    /// How far a client has come.
    enum Stage: Equatable {
        /// TLS, then the exchange of keys and credentials.
        case handshake
        case authenticating
        /// Accepted; its session is being opened.
        case opening
        case open
        /// Nothing counts any more; our goodbye is under way.
        case ending(until: Instant)
    }

    public let id: ConnectionID
    /// What the client puts into each data packet: the lane in the high bits, the place in its table in the
    /// low ones.
    public let peerID: UInt32
    public internal(set) var path: Path
    let clientSessionID: SessionID
    let serverSessionID: SessionID
    var wrapping: ControlWrapping
    let resources: ServerResources
    let beganAt: Instant

    var stage = Stage.handshake
    /// The slot whose keys were exchanged first, then the latest that is ready.
    var active: KeySlot
    /// A renegotiation under way.
    var negotiating: KeySlot?
    /// The slot before the active one, and until when its keys are understood.
    var lameDuck: KeySlot?
    var lameDuckUntil: Instant?
    var renegotiateAt: Instant?
    /// What the data channel had carried when the active keys came into use.
    var carriedBefore = Carried()

    /// What the first key-method message said; a renegotiation may not become somebody else.
    var username: String?
    var certificate: PeerCertificate?
    /// Of the handshake that is being judged.
    var shownCertificate: PeerCertificate?
    var peerInfo = PeerInfo()
    var optionsString = OptionsString(parsing: "")
    var suite: DataCipherSuite?
    var pushesCipher = false
    var layer = SessionRequest.Layer.ip
    /// Of the question that is out; zero: none.
    var ticket: UInt64 = 0
    var lastTicket: UInt64 = 0

    /// The host has a session of ours, or is about to.
    var sessionIsOpen = false
    /// The client wants its configuration, now or as soon as there is one.
    var wantsPush = false
    var pushMessages: [String] = []
    var pushedAt: Instant?

    /// Present from the push reply on.
    public internal(set) var data: DataChannel?
    /// Data and TLS: what proves that the client lives. Set on the data path.
    var lastHeard: Instant
    var lastSent: Instant

    /// When the server has asked to be called for this connection.
    var scheduledAt: Instant?
    var isHalfOpen = true
    /// It counts against `ClientLimit`.
    var hasPlace = false
    /// To be removed from the tables.
    var isOver = false

    /// `reset`: our first packet; nil where a stateless answer was it, which also used up one replay id.
    convenience init(
        _ origin: Origin, _ resources: ServerResources, keys: ControlKeys, reset: Opcode?, at moment: Moment
    ) throws(OpenSSLError) {
        self.init(
            origin, resources,
            ControlWrapping(keys, time: moment.wallSeconds, sentBefore: reset == nil ? 1 : 0),
            try KeySlot(.first, resources.context, reset: reset, overhead: keys.overhead, at: moment.now),
            beganAt: moment.now)
    }

    /// One that began elsewhere.
    init(
        _ origin: Origin, _ resources: ServerResources, _ wrapping: ControlWrapping, _ active: KeySlot,
        beganAt: Instant
    ) {
        id = origin.id
        peerID = origin.peerID
        path = origin.path
        clientSessionID = origin.client
        serverSessionID = origin.server
        self.resources = resources
        self.wrapping = wrapping
        self.active = active
        self.beganAt = beganAt
        lastHeard = beganAt
        lastSent = beganAt
    }

    /// In both directions together.
    struct Carried: Equatable {
        var octets: UInt64 = 0
        var packets: UInt64 = 0
    }

    /// What a connection is told about itself when it begins.
    struct Origin {
        let id: ConnectionID
        let peerID: UInt32
        let path: Path
        let client: SessionID
        let server: SessionID
    }

    var options: ServerOptions { resources.options }

    var flow: Server.Flow { Server.Flow(path: path, session: clientSessionID) }

    var isEnding: Bool {
        if case .ending = stage { true } else { false }
    }

    func put(_ output: Output) { resources.outbox.append(output) }

    func log(_ level: LogEvent.Level, _ text: String) {
        put(.log(LogEvent(level: level, connection: id, text: "\(text) remote=\(path.remote)")))
    }
}

/// What the connections of one server share.
final class ServerResources {
    let options: ServerOptions
    /// Of new TLS sessions.
    var context: TLSContext
    var outbox = Outbox<Output>()

    init(_ options: ServerOptions) throws(OpenSSLError) {
        self.options = options
        if let context = options.context {
            self.context = context
        } else {
            context = try options.makeContext()
        }
    }
}
