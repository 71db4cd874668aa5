internal import PluginABI

/// What a client has shown of who it is: the raw evidence of its protocol.
public struct Evidence: Sendable {
    public enum Kind: UInt32, Sendable {
        /// `secret`: the password in clear text.
        case password = 1
        /// `challenge`: 16 octets ours, then 16 the peer's; `secret`: the 24 of the NT-Response.
        case msCHAPv2 = 2
        /// `challenge`: 20 octets; `secret`: the 20-octet proof.
        case softEther = 3
        /// `certificate`: DER, whose key the peer proved to hold.
        case certificate = 4
        /// `name`: the phase-1 identity, authenticated by the pre-shared key, or else by `certificate`.
        case ikeIdentity = 5
        /// `secret`: one EAP packet.
        case eap = 6
        /// `certificate`: DER, whose key the peer proved to hold; its chain was not verified.
        case bareCertificate = 7
    }

    public var kind: Kind
    /// `user@hub`; without `@` the default hub is meant.
    public var name: [UInt8] = []
    public var secret: [UInt8] = []
    public var challenge: [UInt8] = []
    /// May stand beside a password as a second proof; beside an IKE identity it is the proof.
    public var certificate: [UInt8] = []
    public var remote: Endpoint?
    public var protocolName: String
    /// What the client calls itself.
    public var software: String?
    /// Who this connection already is: asked again at renegotiation, or by EAP.
    public var continues: IdentityHandle?

    public init(_ kind: Kind, protocolName: String) {
        self.kind = kind
        self.protocolName = protocolName
    }

    func raw(in memory: CMemory) -> pa_evidence_v1 {
        var raw = unsafe pa_evidence_v1()
        unsafe raw.size = UInt32(MemoryLayout<pa_evidence_v1>.size)
        unsafe raw.kind = kind.rawValue
        unsafe raw.name = memory.octets(name)
        unsafe raw.secret = memory.octets(secret)
        unsafe raw.challenge = memory.octets(challenge)
        unsafe raw.certificate = memory.octets(certificate)
        if let remote { unsafe raw.remote = memory.value(remote.raw) }
        unsafe raw.protocol = memory.text(protocolName)
        unsafe raw.software = memory.text(software)
        unsafe raw.continues = continues?.rawValue ?? 0
        return unsafe raw
    }
}

/// A password that a protocol does not show: what it will be proved by.
public struct NewPassword: Sendable {
    /// 20 octets: SHA-0 over the password and the user's name in capitals.
    public var softEther: [UInt8]
    /// 16 octets, MS-CHAPv2's NtPasswordHash; empty: not told.
    public var ntHash: [UInt8]

    public init(softEther: [UInt8], ntHash: [UInt8] = []) {
        self.softEther = softEther
        self.ntHash = ntHash
    }
}

/// The host's answer to a piece of evidence.
public struct Verdict: Sendable {
    public enum Code: UInt32, Sendable {
        case accepted = 1
        /// EAP: send `response` to the peer, come again with its answer.
        case `continue` = 2
        /// Unknown name or wrong proof.
        case credentials = 3
        /// There is no such hub.
        case hub = 4
        /// The user may not connect (now).
        case disabled = 5
        /// This kind of evidence cannot be judged for this user.
        case method = 6
        /// The one who would know did not answer. Stands for codes that this side does not know, too.
        case unavailable = 7
    }

    public var code: Code
    /// When accepted.
    public var identity: IdentityHandle?
    /// As the database spells it, when accepted.
    public var user: String?
    public var hub: String?
    /// What the client may be told when refused.
    public var sentence: String?
    /// MS-CHAPv2: the authenticator response, 20 octets; EAP: the packet to send.
    public var response: [UInt8]
    /// MasterReceiveKey, 16 octets, or the first half of the MSK; else empty.
    public var receiveKey: [UInt8]
    public var sendKey: [UInt8]

    init(_ raw: pa_verdict_v1) {
        code = Code(rawValue: unsafe raw.code) ?? .unavailable
        let handle = unsafe raw.identity
        identity = handle == 0 ? nil : IdentityHandle(rawValue: handle)
        user = unsafe String(lent: raw.user)
        hub = unsafe String(lent: raw.hub)
        sentence = unsafe String(lent: raw.sentence)
        response = unsafe Array(lent: raw.response)
        receiveKey = unsafe Array(lent: raw.receive_key)
        sendKey = unsafe Array(lent: raw.send_key)
    }
}
