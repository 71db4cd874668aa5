public import OpenSSL
public import Wire

/// What the engine wants done. Drained with `IKEServer.nextOutput()` after every input.
public enum IKEOutput: Sendable {
    /// A datagram, complete with what the path puts in front.
    case send([UInt8], IKEPath)
    /// Packets of the peer may come by it; ours go by an older one until it is `active`.
    case install(ChildSA)
    /// The peer has it too.
    case activate(spi: UInt32)
    case remove(spi: UInt32, EndReason)
    case log(LogEvent)
}

/// A pair of ESP SAs, as plain values.
public struct ChildSA: Sendable {
    /// Ours, and its name.
    public let spi: UInt32
    public let peerSPI: UInt32
    public let suite: PhaseTwoSuite
    public let inboundKeys: SecretBytes
    public let outboundKeys: SecretBytes
    /// What traffic it is for, as agreed; nil: between the two hosts.
    public let localSelector: Identification?
    public let remoteSelector: Identification?
    /// Who the peer has proved to be.
    public let identity: Identification
    /// By what, and where that leads.
    public let scope: KeyRing.Scope
    public let path: IKEPath
    public let nat: NATOutcome
    /// When the peer is to be asked for a successor, if it has not made one by itself.
    public let rekeyAt: Instant
    public let expiresAt: Instant
    /// Octets in either direction after which a successor is wanted.
    public let softOctets: UInt64
}

/// Why an SA ends.
public enum EndReason: String, Error, Sendable {
    case peer = "deleted by the peer"
    case replaced = "replaced by a newer one"
    case initialContact = "the peer has started anew"
    case expired = "its lifetime is over"
    case dead = "the peer does not answer"
    case unconfirmed = "the peer did not confirm it"
    case shutdown = "the server stops"
    case administrator = "ended by the administrator"
}

/// One line for the log, `key=value` after the sentence.
public struct LogEvent: Equatable, Sendable {
    public enum Level: UInt8, Sendable {
        case debug
        case notice
        /// Somebody was refused: also for the security log.
        case security
    }

    public let level: Level
    public let text: String

    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}
