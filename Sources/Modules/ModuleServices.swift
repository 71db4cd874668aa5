public import Lanes
public import PluginABI
public import Sessions

/// What the host does for modules beyond sockets, time and sessions. One object serves all modules.
public protocol ModuleServices: AnyObject, Sendable {
    /// Judges evidence. Called on no lane; takes its time.
    func judge(_ evidence: Evidence) async -> Verdict
    /// Has another password count for the one who proves the present one. Called on no lane; takes its time.
    func changePassword(_ evidence: Evidence, to password: NewPassword) async -> Verdict
    /// Somebody who was accepted asked for what he may not have: for the security log of his hub.
    func refused(_ identity: Identity, remote: pa_address_v1, protocolName: String, why: String)
    /// The pre-shared keys of IPsec peers.
    func peerKeys() throws -> [PeerKey]
    /// A line for the server's log.
    func log(module: String, level: UInt32, line: String)
    func isLogged(level: UInt32) -> Bool
    /// What `pa.store/1` keeps. An empty value removes.
    func storedValue(module: String, name: String) throws -> [UInt8]?
    func store(module: String, name: String, value: [UInt8]) throws
    /// PEM: what the server presents, its key, and what a client must trust.
    var certificate: ServerCertificate { get }
    /// Where clients shall connect to.
    var publicName: String { get }
    /// Hears, on any thread, of the rules of the ABI that modules break. Nil: nobody looks, and what calls
    /// between host and modules cost is not more.
    var breachListener: (@Sendable (BrokenRule) -> Void)? { get }
    /// What a swap shall meet with, where modules are examined.
    var handoverTrial: HandoverTrial? { get }
}

/// What may happen to records of a handover, and must lose no connection.
public enum HandoverTrial: Sendable {
    /// The host refuses every second connection.
    case refusals
    /// Each record ends in its middle, where memory that cannot be read begins.
    case cuts
}

extension ModuleServices {
    public var breachListener: (@Sendable (BrokenRule) -> Void)? { nil }
    public var handoverTrial: HandoverTrial? { nil }

    public func changePassword(_ evidence: Evidence, to password: NewPassword) async -> Verdict {
        .refused(code: PA_VERDICT_METHOD, sentence: "passwords are not changed here")
    }

    public func refused(_ identity: Identity, remote: pa_address_v1, protocolName: String, why: String) {}
    public func peerKeys() throws -> [PeerKey] { [] }

    /// A rule that a module broke, as an error in the server's log.
    public func log(_ broken: BrokenRule) {
        log(module: broken.module, level: PA_LOG_ERROR, line: broken.line)
    }
}

/// A secret that a hub or a user has in common with an IPsec peer; what `pa_psk_v1` says.
public struct PeerKey: Sendable {
    /// Empty: for peers whose name has no key.
    public var identity: String
    public var hub: String
    public var key: [UInt8]

    public init(identity: String, hub: String, key: [UInt8]) {
        self.identity = identity
        self.hub = hub
        self.key = key
    }
}

/// The server's own certificate, PEM.
public struct ServerCertificate: Sendable {
    public var chain: [UInt8]
    public var key: [UInt8]
    public var trust: [UInt8]
    /// Presented to TLS clients that ask for one of their names.
    public var others: [TLSIdentity] = []
    /// The oldest TLS that clients may speak.
    public var oldest = TLSVersion.tls12

    var identity: TLSIdentity {
        TLSIdentity(chain: String(decoding: chain, as: UTF8.self), key: String(decoding: key, as: UTF8.self))
    }

    /// What new TLS streams are made of; throws where certificate and key do not fit together.
    public func context() throws -> TLSServerContext {
        try TLSServerContext(identity, others: others, oldest: oldest)
    }

    public init(chain: [UInt8], key: [UInt8], trust: [UInt8]) {
        self.chain = chain
        self.key = key
        self.trust = trust
    }
}

/// What a module knows about somebody who wants in; a copy of `pa_evidence_v1`.
public struct Evidence: Sendable {
    public enum Proof: Sendable {
        case password([UInt8])
        case msCHAPv2(challenge: [UInt8], response: [UInt8])
        case softEther(challenge: [UInt8], proof: [UInt8])
        case certificate
        /// Its chain was not verified.
        case bareCertificate
        case ikeIdentity
        case eap(packet: [UInt8])
    }

    public var name: String
    public var proof: Proof
    /// DER, of a certificate whose chain the module has verified and whose key the peer holds; empty without.
    public var certificate: [UInt8]
    public var remote: pa_address_v1
    public var protocolName: String
    public var software: String?
    /// Who the connection already is, when it is asked again.
    public var continues: Identity?
}

/// What a module knows of a password that it was not shown; a copy of `pa_new_password_v1`.
public struct NewPassword: Sendable {
    static let softEtherLength = 20
    static let ntHashLength = 16

    public let softEther: [UInt8]
    /// Empty: not told.
    public let ntHash: [UInt8]

    public init(softEther: [UInt8], ntHash: [UInt8]) {
        self.softEther = softEther
        self.ntHash = ntHash
    }
}

/// The answer to evidence.
public enum Verdict: Sendable {
    case accepted(Identity, response: [UInt8] = [], receiveKey: [UInt8] = [], sendKey: [UInt8] = [])
    /// What was asked for has been done; nobody is let in by that.
    case done
    case continues(response: [UInt8])
    /// `code` is one of PA_VERDICT_*; the sentence is for the client.
    case refused(code: UInt32, sentence: String)
}
