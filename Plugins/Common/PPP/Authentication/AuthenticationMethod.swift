/// How a peer proves who it is, strongest first. The option is LCP's, RFC 1661 §6.2.
public enum AuthenticationMethod: String, CaseIterable, Sendable {
    /// EAP (RFC 3748) carrying TLS with certificates of both ends, RFC 5216.
    case eapTLS = "eap-tls"
    /// EAP carrying MS-CHAPv2.
    case eapMSCHAPv2 = "eap-mschapv2"
    /// RFC 2759.
    case msCHAPv2 = "mschapv2"
    /// RFC 1994. Whoever judges it needs the password in the clear.
    case chapMD5 = "chap-md5"
    /// RFC 1334: the password in the clear.
    case pap = "pap"

    static let optionType: UInt8 = 3

    private static let md5: UInt8 = 5
    private static let microsoft2: UInt8 = 0x81

    var `protocol`: PPPProtocol {
        switch self {
        case .eapTLS, .eapMSCHAPv2: .eap
        case .msCHAPv2, .chapMD5: .chap
        case .pap: .pap
        }
    }

    /// The methods of EAP have the same: which one it is, is EAP's business.
    public var option: ConfigurationOption {
        let number = `protocol`.rawValue
        let head = [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
        return switch self {
        case .eapTLS, .eapMSCHAPv2, .pap: ConfigurationOption(Self.optionType, head)
        case .msCHAPv2: ConfigurationOption(Self.optionType, head + [Self.microsoft2])
        case .chapMD5: ConfigurationOption(Self.optionType, head + [Self.md5])
        }
    }

    /// Within EAP; nil outside of it.
    var eapType: EAPPacket.Method? {
        switch self {
        case .eapTLS: .tls
        case .eapMSCHAPv2: .msCHAPv2
        case .msCHAPv2, .chapMD5, .pap: nil
        }
    }
}
