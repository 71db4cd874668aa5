import OpenSSL
import OpenVPNCore
import PluginKit

/// What section [openvpn] of plugins.conf may hold. Names are OpenVPN's own where it has the option.
enum OptionDeclarations {
    static let all = control + dataChannel + network + timing + profile

    private static let control: [OptionDeclaration] = [
        .strings(
            "wrap", default: Wrap.allCases.map(\.rawValue),
            accepts: "a list of \"tls-crypt\", \"tls-crypt-v2\", \"tls-auth\" and \"none\"",
            help: "How clients may wrap their control channel; all of these work on the same port."),
        .string(
            "tls-auth-digest", default: DigestAlgorithm.sha1.rawValue, accepts: digests,
            help: "The digest of tls-auth, which is the client's `auth`."),
        .string(
            "verify-client-cert", default: CertificatePolicy.none.rawValue,
            accepts: "\"none\", \"optional\" or \"require\"",
            help:
                "Whether clients show a certificate signed by client-ca, beside or instead of a password."
        ),
        .string(
            "client-ca", accepts: "the path of a PEM file",
            help: "The authorities that sign clients' certificates."),
        .string(
            "tls-version-min", default: TLSContext.Version.tls12.rawValue, accepts: "\"1.2\" or \"1.3\"",
            help: "The oldest TLS that clients may speak."),
        .integer(
            "max-clients", default: 16_384, in: 1...1_000_000, accepts: "1 to 1000000",
            help: "Clients that may be connected at once; further ones are told to come again."),
    ]

    private static let dataChannel: [OptionDeclaration] = [
        .strings(
            "data-ciphers", default: DataCipher.allCases.map(\.rawValue),
            accepts: "a list of " + DataCipher.allCases.map(\.rawValue).joined(separator: ", "),
            help: "The ciphers of the data channel, the most wanted first."),
        .string(
            "auth", default: DigestAlgorithm.sha1.rawValue, accepts: digests,
            help: "The digest beside a CBC cipher for clients that do not tell theirs."),
        .integer(
            "reneg-sec", default: 3600, in: 0...604_800, accepts: "0 (never) to 604800, in seconds",
            help: "How long the keys of the data channel are used."),
        .integer(
            "reneg-bytes", default: 1 << 36, in: 0...Int64.max, accepts: "0 (no limit) or a number of octets",
            help: "How much is sent under the same keys."),
        .integer(
            "reneg-pkts", default: 0xf000_0000, in: 0...0xf000_0000, accepts: "0 (no limit) to 4026531840",
            help: "How many packets are sent under the same keys."),
        .integer(
            "tran-window", default: 3600, in: 1...604_800, accepts: "1 to 604800, in seconds",
            help: "How long the old keys are understood after a renegotiation."),
    ]

    private static let network: [OptionDeclaration] = [
        .boolean(
            "redirect-gateway", default: true,
            help: "Whether clients send all of their traffic through the tunnel."),
        .strings(
            "dns", accepts: "a list of IPv4 addresses",
            help: "The name servers of clients, instead of those that the hub's DHCP server tells."
        ).live,
        .strings(
            "routes", accepts: "a list of networks such as \"10.0.0.0/8\"",
            help: "Networks that clients reach through the tunnel, besides those that the hub tells."
        ).live,
        .integer(
            "tun-mtu", default: 1500, in: 576...9000, accepts: "576 to 9000, in octets",
            help: "The MTU of the clients' interface."),
    ]

    private static let timing: [OptionDeclaration] = [
        .integer(
            "ping", default: 10, in: 1...3600, accepts: "1 to 3600, in seconds",
            help: "After so long a silence each side says something."),
        .integer(
            "ping-restart", default: 60, in: 2...86_400, accepts: "2 to 86400, in seconds, more than ping",
            help: "A client that hears nothing for so long comes anew; its session ends after twice that."),
        .integer(
            "hand-window", default: 60, in: 5...600, accepts: "5 to 600, in seconds",
            help: "How long a client may take from its first packet to its session."),
    ]

    private static let profile: [OptionDeclaration] = [
        .string(
            "public-address", accepts: "a name or an address",
            help: "Where the profiles of clients point to; left out: the server's public name."),
        .integer(
            "public-udp-port", default: 0, in: 0...65_535, accepts: "0 (the listener's) to 65535",
            help: "The UDP port in the profiles of clients."),
        .integer(
            "public-tcp-port", default: 0, in: 0...65_535, accepts: "0 (the same as over UDP) to 65535",
            help: "The TCP port in the profiles of clients."),
    ]

    private static let digests =
        "one of " + DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
}
