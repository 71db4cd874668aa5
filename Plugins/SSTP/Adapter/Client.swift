import PluginKit
import SSTPCore

/// A stream, the engine at its end, and what the host has of it.
final class Client {
    /// Octets of control packets that wait for a stream that is full; a client that lets more pile up is
    /// gone.
    static let maxBacklog = 65_536

    let stream: StreamHandle
    let remote: Endpoint
    /// Of its TLS.
    let cipher: String
    var connection: Connection
    var alarm: Alarm

    var question: Ticket?
    var identity: IdentityHandle?
    var opening: Ticket?
    var session: SessionHandle?
    /// What was told of IPv6 while it was being opened.
    var ipv6: IPv6Parameters?
    /// Data is dropped while it is not empty.
    var backlog: [UInt8] = []

    init(_ stream: StreamHandle, from remote: Endpoint, cipher: String, _ connection: Connection) {
        self.stream = stream
        self.remote = remote
        self.cipher = cipher
        self.connection = connection
        alarm = Alarm(token: stream.rawValue)
    }
}
