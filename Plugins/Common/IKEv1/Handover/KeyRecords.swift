import ESP
import EngineParts
import OpenSSL
public import Wire

// Keys, and whom they have shown, as they travel to another instance of the module.

extension PhaseOneKeys {
    func serialize(into record: inout SecretRecord) {
        for secret in [skeyid, derivation, authentication, cipherKey] { record.append(secret) }
    }

    init(_ suite: PhaseOneSuite, from secrets: inout RecordSecrets) throws(WireError) {
        let length = suite.hash.digestLength
        self.suite = suite
        skeyid = try secrets.take(length)
        derivation = try secrets.take(length)
        authentication = try secrets.take(length)
        cipherKey = try secrets.take(suite.cipher.keyLength)
    }
}

extension PhaseOneKeys.Exchange {
    /// Without the cookies, which are the SA's.
    func serialize(into record: inout SecretRecord) {
        for octets in [initiatorNonce, responderNonce, initiatorPublic, responderPublic] {
            record.octets.appendCounted(octets)
        }
        record.append(secret)
    }

    init(
        _ cookies: Cookies, parsing reader: inout ByteReader, _ secrets: inout RecordSecrets
    ) throws(WireError) {
        self.init(
            cookies: cookies, initiatorNonce: try reader.readCounted(),
            responderNonce: try reader.readCounted(), initiatorPublic: try reader.readCounted(),
            responderPublic: try reader.readCounted(), secret: try secrets.take())
    }
}

extension PhaseOneSuite {
    private static let ciphers: [CipherAlgorithm] = [.aes128CBC, .aes192CBC, .aes256CBC, .tripleDESCBC]

    func serialize(into octets: inout [UInt8]) {
        octets.append(cipher.rawValue)
        octets.append(hash.rawValue)
        octets.appendBigEndian(group.rawValue)
        octets.appendBigEndian(authentication.rawValue)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        let cipher = try reader.readText()
        guard let cipher = Self.ciphers.first(where: { $0.rawValue == cipher }),
            let hash = DigestAlgorithm(rawValue: try reader.readText()),
            let group = DiffieHellmanGroup(rawValue: try reader.read(UInt16.self)),
            let authentication = AuthenticationMethod(rawValue: try reader.read(UInt16.self))
        else { throw .badValue }
        self.init(cipher, hash, group, authentication)
    }
}

extension PhaseTwoSuite {
    func serialize(into octets: inout [UInt8]) {
        esp.serialize(into: &octets)
        octets.appendBigEndian(mode.number)
        octets.appendOptional(group) { $0.appendBigEndian($1.rawValue) }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        let esp = try ESPSuite(parsing: &reader)
        guard let mode = EncapsulationMode(number: UInt32(try reader.read(UInt16.self))) else {
            throw .badValue
        }
        var group: DiffieHellmanGroup?
        if try reader.readFlag() {
            group = DiffieHellmanGroup(rawValue: try reader.read(UInt16.self))
            guard group != nil else { throw .badValue }
        }
        self.init(esp, mode, group: group)
    }
}

extension KeyRing.Scope {
    public func serialize(into record: inout SecretRecord) {
        record.octets.append(hubs: hubs)
        record.octets.append(certificate != nil)
        if let certificate { record.append(certificate) }
    }

    public init(parsing reader: inout ByteReader, _ secrets: RecordSecrets) throws(WireError) {
        self.init(
            hubs: try reader.readHubs(),
            certificate: try reader.readFlag() ? try secrets.certificate(parsing: &reader) : nil)
    }
}

extension [UInt8] {
    fileprivate mutating func append(hubs: Set<String>?) {
        appendOptional(hubs) { octets, hubs in
            octets.appendBigEndian(UInt32(hubs.count))
            for hub in hubs.sorted() { octets.append(hub) }
        }
    }
}

extension ByteReader {
    fileprivate mutating func readHubs() throws(WireError) -> Set<String>? {
        guard try readFlag() else { return nil }
        var hubs: Set<String> = []
        for _ in 0..<(try readCount()) { hubs.insert(try readText()) }
        return hubs
    }
}

extension Identification {
    public func serialize(into octets: inout [UInt8]) { octets.appendCounted(body) }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        self = try Identification(parsing: try reader.readCounted())
    }
}

extension IKEPath {
    public func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(socket)
        remote.serialize(into: &octets)
        octets.appendOptional(local) { $1.serialize(into: &$0) }
        octets.append(isEncapsulated)
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        let socket = try reader.read(UInt64.self)
        let remote = try TransportAddress(parsing: &reader)
        let local = try reader.readFlag() ? try TransportAddress(parsing: &reader) : nil
        self.init(socket: socket, remote: remote, local: local, isEncapsulated: try reader.readFlag())
    }
}
