import IKEv1
import PPP
import PPPSessions
import PluginKit

/// What section [ipsec] of plugins.conf may hold.
enum OptionDeclarations {
    static let all = keys + MethodsOption.declarations(default: [.msCHAPv2]) + limits

    private static let keys: [OptionDeclaration] = [
        .string(
            "psk", accepts: "a long secret that clients know too",
            help: "The pre-shared key of all clients. Left out: one is made, and `psk` prints it."
        ).secret,
        .strings(
            "previous-psks", accepts: "a list of at most \(IKEOptions.maxPreSharedKeys - 1) secrets",
            help: "Keys that are accepted as well, while clients are being given a new one."
        ).secret,
        .string(
            "ike-client-ca", accepts: "the path of a PEM file",
            help:
                "The authorities that sign clients' certificates. Left out: there are keys alone."
        ),
        .boolean(
            "weak-groups", default: false,
            help:
                "Whether clients may use the groups modp1024 and modp1536 if they know no better."
        ),
        .boolean(
            "weak-ciphers", default: false,
            help: "Whether clients may use 3DES if they know no better."
        ),
        .boolean(
            "aggressive-mode", default: false,
            help:
                "Whether clients may use aggressive mode, which tells whoever asks a hash of the key."
        ),
    ]

    private static let limits: [OptionDeclaration] = [
        .integer(
            "ike-lifetime", default: 86_400, in: 60...604_800, accepts: "60 to 604800, in seconds",
            help: "How long an ISAKMP SA lasts at most."),
        .integer(
            "esp-lifetime", default: 28_800, in: 60...604_800, accepts: "60 to 604800, in seconds",
            help: "How long a pair of ESP SAs lasts at most."),
        .integer(
            "dpd-interval", default: 20, in: 2...3600, accepts: "2 to 3600, in seconds",
            help: "After so long a silence a client is asked whether it is still there."),
        .integer(
            "max-clients", default: 30_000, in: 1...1_000_000, accepts: "1 to 1000000",
            help: "ISAKMP SAs on each lane."),
        .integer(
            "max-clients-per-address", default: 1000, in: 1...1_000_000, accepts: "1 to 1000000",
            help: "ISAKMP SAs of one address: as many clients may stand behind one NAT."),
    ]
}
