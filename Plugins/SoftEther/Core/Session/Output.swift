/// What the engine wants done. Drained with `Server.nextOutput()` after every input.
public enum Output: Sendable {
    case send([UInt8], stream: UInt64)
    /// The stream has no more use: to be ended after what was sent.
    case closeStream(UInt64)
    /// The stream belongs to a session of that lane. What was not taken of it is to be received there, as a
    /// stream that is known.
    case moveStream(UInt64, lane: Int)
    /// Who is it? Answered by `Server.decided`, once.
    case authenticate(question: UInt64, Login, challenge: [UInt8], stream: UInt64)
    case withdrawAuthentication(question: UInt64)
    /// Has somebody's new password count. Answered by `Server.decided`, once.
    case changePassword(question: UInt64, PasswordChange, challenge: [UInt8], stream: UInt64)
    /// Answered by `Server.sessionOpened` or `sessionRefused`.
    case openSession(UInt64, Login, stream: UInt64)
    /// A datagram without a frame, so that the client and what is on the way know of us.
    case keepAliveDatagram(session: UInt64)
    /// Something that an operator should look at.
    case warn(String)
    /// Ends the session, or the attempt to open it.
    case closeSession(UInt64, EndReason)
}

/// Why a session ends.
public enum EndReason: String, Error, Sendable {
    case client = "the client closed its connections"
    case timeout = "the client is silent"
    case transport = "the client's connections broke"
    case protocolError = "the client broke the protocol"
    case shutdown = "the server stops"
}
