import L2TP
import Wire

/// What a peer has of L2TPv2: tunnels, and calls within them.
struct L2TPState {
    /// Tunnels of one peer at once: a restarted client's old one, and some more.
    static let maxTunnels = 8
    /// Calls of one peer whose users have not proved who they are yet.
    static let maxUnproven = 16

    struct Entry {
        var machine: Tunnel
        /// From where the peer's messages come, for as long as the tunnel lives (RFC 2661 §8.1).
        let port: UInt16
        /// By our session id.
        var calls: [UInt16: Call] = [:]
    }

    var tunnels: [Entry] = []

    func index(of tunnel: UInt16) -> Int? { tunnels.firstIndex { $0.machine.localID == tunnel } }

    var calls: [Call] { tunnels.flatMap(\.calls.values) }

    var deadline: Instant? { tunnels.compactMap(\.machine.deadline).min() }

    var unproven: Int { tunnels.reduce(0) { $0 + $1.calls.values.count { !$0.isProven } } }
}
