import EngineParts
import Wire

extension Authenticator {
    func serialize(into octets: inout [UInt8]) {
        octets.append(method.rawValue)
        octets.appendCounted(serverName)
        octets.append(stage, of: Stage.recorded)
        octets.appendOptional(deadline) { $0.append($1) }
        octets.append(identifier)
        octets.appendCounted(challenge)
        octets += [retries, transmissions].map { UInt8(clamping: $0) }
        octets.appendOptional(question) { $0.appendCounted($1) }
        octets.appendOptional(lastWord) { $1.serialize(into: &$0) }
        octets.append(refusal, of: AuthenticationRefusal.recorded)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(try reader.readMethod(), serverName: try reader.readCounted())
        stage = try reader.readOne(of: Stage.recorded)
        deadline = try reader.readOptionalInstant()
        identifier = try reader.read(UInt8.self)
        challenge = try reader.readCounted()
        retries = Int(try reader.read(UInt8.self))
        transmissions = Int(try reader.read(UInt8.self))
        question = try reader.readFlag() ? try reader.readCounted() : nil
        lastWord = try reader.readFlag() ? try ControlPacket(parsing: &reader) : nil
        refusal = try reader.readOne(of: AuthenticationRefusal.recorded)
        guard retries <= Self.maxRetries, [0, Self.challengeLength].contains(challenge.count) else {
            throw .badValue
        }
    }
}

extension Authenticator.Stage {
    /// In the order of their numbers in a record.
    fileprivate static let recorded: [Self] = [
        .idle, .identity, .challenge, .retry, .asking, .confirming(isSuccess: false),
        .confirming(isSuccess: true), .done,
    ]
}

extension AuthenticationRefusal {
    fileprivate static let recorded: [Self] = [.credentials, .disabled, .method, .unavailable]
}
