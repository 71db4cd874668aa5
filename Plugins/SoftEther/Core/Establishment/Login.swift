public import OpenSSL

/// Who wants in, by which proof, and what session he wants.
public struct Login: Sendable {
    public static let maxNameLength = 255
    public static let maxPasswordLength = 1024
    public static let maxCertificateLength = 16_384
    public static let maxSignatureLength = 512

    /// What a client may show. Tickets of a cluster, and the kinds that a server uses inside of itself, prove
    /// nothing: who sends them is refused.
    public enum Credential: Sendable {
        case anonymous
        /// SHA-0 over the password's equivalent and our challenge.
        case proof([UInt8])
        case password(SecretBytes)
        /// X.509 in DER, and a signature over our challenge.
        case certificate([UInt8], signature: [UInt8])
        /// Any other kind.
        case unsupported
    }

    public let hub: String
    public let user: String
    public let credential: Credential
    public let software: ClientSoftware
    public let wishes: SessionWishes
    public let acceleration: AccelerationOffer?

    /// What a refusal is told as.
    func told(_ refusal: RefusalCode) -> RefusalCode {
        if case .unsupported = credential { .authenticationTypeUnsupported } else { refusal }
    }

    static let proofLength = 20

    init(_ pack: Pack) throws(RefusalCode) {
        guard let hub = pack.text("hubname"), let user = pack.text("username"),
            !user.isEmpty, Self.isName(hub), Self.isName(user)
        else { throw .protocolError }
        self.hub = hub
        self.user = user
        credential = try Self.credential(pack)
        software = ClientSoftware(pack)
        wishes = SessionWishes(pack)
        acceleration = AccelerationOffer(pack)
    }

    /// What passes may stand in a log line.
    static func isName(_ text: String) -> Bool {
        text.utf8.count <= maxNameLength
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{7f}" }
    }

    private static func credential(_ pack: Pack) throws(RefusalCode) -> Credential {
        switch pack.integer("authtype") {
        case 0: return .anonymous
        case 1:
            guard let proof = pack.octets("secure_password"), proof.count == proofLength else {
                throw .protocolError
            }
            return .proof(proof)
        case 2:
            guard case .strings(let values) = pack["plain_password"], let password = values.first,
                password.count <= maxPasswordLength
            else { throw .protocolError }
            return .password(SecretBytes(copying: password))
        case 3:
            guard let certificate = pack.octets("cert"), let signature = pack.octets("sign"),
                (1...maxCertificateLength).contains(certificate.count),
                (1...maxSignatureLength).contains(signature.count)
            else { throw .protocolError }
            return .certificate(certificate, signature: signature)
        default: return .unsupported
        }
    }
}

/// What a client says about itself. For logs and lists; nothing is decided by it.
public struct ClientSoftware: Equatable, Sendable {
    private static let maxLength = 128

    public let name: String
    public let version: UInt32
    public let build: UInt32
    public let hostName: String
    /// Tells the machines of one user apart.
    public let uniqueID: [UInt8]

    init(_ pack: Pack) {
        name = Self.shown(pack.text("client_str"))
        version = pack.integer("client_ver", or: 0)
        build = pack.integer("client_build", or: 0)
        hostName = Self.shown(pack.text("ClientHostname"))
        uniqueID = Array((pack.octets("unique_id") ?? []).prefix(20))
    }

    /// "SoftEther VPN Client 5.01 (9674)"
    public var description: String {
        let minor = version % 100
        return "\(name) \(version / 100).\(minor < 10 ? "0" : "")\(minor) (\(build))"
    }

    private static func shown(_ text: String?) -> String {
        String((text ?? "").filter { $0.isASCII && !$0.isNewline && $0 >= " " }.prefix(maxLength))
    }
}

/// The session that a client asks for.
public struct SessionWishes: Equatable, Sendable {
    public var connections: Int
    public var compresses: Bool
    /// Each connection carries frames one way.
    public var isHalfDuplex: Bool
    /// A connection for what must not wait.
    public var hasPriority: Bool
    public var isBridge: Bool
    public var isMonitor: Bool

    init(_ pack: Pack) {
        connections = Int(pack.integer("max_connection", or: 1))
        compresses = pack.truth("use_compress")
        isHalfDuplex = pack.truth("half_connection")
        hasPriority = pack.truth("qos")
        // Servers and bridges that connect to us join their hubs to ours, whether they say so or not.
        let software = (pack.text("client_str") ?? "").lowercased()
        isBridge =
            pack.truth("require_bridge_routing_mode") || software.contains("server")
            || software.contains("bridge")
        isMonitor = pack.truth("require_monitor_mode")
    }
}
