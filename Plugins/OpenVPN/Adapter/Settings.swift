import OpenSSL
import OpenVPNCore
import PluginKit
import Wire

/// The module's section of plugins.conf, read and judged.
struct Settings: Sendable {
    /// Goes to the engine of each lane.
    var server: ServerOptions
    var push: PushSettings
    var profile: ProfileSettings
}

/// What clients are told besides what the hub knows. May change while the module runs.
struct PushSettings: Sendable {
    /// Takes the place of the hub's; empty: the hub's.
    var dns: [IPv4Address]
    /// Comes behind the hub's.
    var routes: [PushReply.Route]
    var tunMTU: Int
}

/// What the `profile` command writes about the server.
struct ProfileSettings: Sendable {
    /// Nil: the host's public name.
    var address: String?
    /// Nil: those of the listeners.
    var udpPort: UInt16?
    var tcpPort: UInt16?
}

/// How clients may wrap their control channel.
enum Wrap: String, CaseIterable, Sendable {
    case tlsCrypt = "tls-crypt"
    case tlsCryptV2 = "tls-crypt-v2"
    case tlsAuth = "tls-auth"
    case none
}

enum CertificatePolicy: String, CaseIterable, Sendable {
    case none
    case optional
    case require
}
