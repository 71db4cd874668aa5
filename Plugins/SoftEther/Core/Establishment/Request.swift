import Wire

/// What a client asks for once it knows our challenge.
public enum Request: Sendable {
    case login(Login)
    /// One more connection for the session that has this key.
    case additionalConnection(SessionKey)
    case enumerateHubs
    case changePassword(PasswordChange)
    /// Asks for nothing but an answer.
    case noop
    /// The answer to such a one, which we never send.
    case noopAnswer

    init(_ body: [UInt8]) throws(RefusalCode) {
        let pack: Pack
        do {
            var reader = ByteReader(body.rawSpan)
            pack = try Pack(parsing: &reader)
        } catch {
            throw .protocolError
        }
        switch (pack.integer("noop"), pack.text("method")) {
        case (1, _): self = .noop
        case (2, _): self = .noopAnswer
        case (_, "login"): self = .login(try Login(pack))
        case (_, "additional_connect"):
            guard let octets = pack.octets("session_key"), let key = SessionKey(octets) else {
                throw .sessionTimeout
            }
            self = .additionalConnection(key)
        case (_, "enum_hub"): self = .enumerateHubs
        case (_, "password"): self = .changePassword(try PasswordChange(pack))
        case (_, .some): throw .notSupported
        case (_, nil): throw .protocolError
        }
    }
}
