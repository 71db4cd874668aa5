import OpenSSL
import Wire

@testable import OpenVPNCore

extension FuzzTarget {
    static let openVPNNegotiationTargets = [
        FuzzTarget("openvpn-key-method") { bytes in
            keyMethod(bytes, from: .client)
            keyMethod(bytes, from: .server)
        },
        FuzzTarget("openvpn-peer-info", peerInfo), FuzzTarget("openvpn-options", options),
        FuzzTarget("openvpn-key-file", keyFile),
    ]

    private static func keyMethod(_ bytes: [UInt8], from sender: KeyMethod2.Sender) {
        var reader = ByteReader(bytes.span.bytes)
        guard let message = try? KeyMethod2(parsing: &reader, from: sender) else { return }
        negotiate(info: message.peerInfo ?? "", options: message.options)
        var again: [UInt8] = []
        message.serialize(into: &again)
        var second = ByteReader(again.span.bytes)
        let parsed = try? KeyMethod2(parsing: &second, from: sender)
        precondition(parsed?.options == message.options, "a message does not survive the way there and back")
        // An empty string and one that is absent differ on the wire and here, and stay so.
        precondition(parsed?.username == message.username && parsed?.peerInfo == message.peerInfo)
    }

    private static func negotiate(info: String, options: String) {
        guard let peer = try? PeerInfo(parsing: info) else { return }
        let options = OptionsString(parsing: options)
        _ = (peer.capabilities, peer.softwareDescription, peer.mtu)
        _ = (options.device, options.tunMTU, options.authentication)
        _ = options.usesCompressionFraming
        precondition(options.mirrored().mirrored() == options, "a mirror's mirror is the thing itself")
        switch CipherNegotiation().outcome(peerInfo: peer, options: options) {
        case .agreed(let suite, push: _):
            precondition((suite.authentication == nil) == suite.cipher.isAEAD)
        case .nothingInCommon:
            break
        }
    }

    private static func peerInfo(_ bytes: [UInt8]) {
        negotiate(info: String(decoding: bytes, as: UTF8.self), options: "V4,cipher AES-128-CBC,auth SHA256")
    }

    private static func options(_ bytes: [UInt8]) {
        negotiate(info: "IV_NCP=2", options: String(decoding: bytes, as: UTF8.self))
    }

    private static func keyFile(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let key = StaticKey(file: text) { precondition(StaticKey(file: key.file) == key) }
        if let key = TLSCryptV2ServerKey(file: text) {
            precondition(TLSCryptV2ServerKey(file: key.file) == key)
        }
        if let key = TLSCryptV2ClientKey(file: text) {
            precondition(TLSCryptV2ClientKey(file: key.file) == key)
        }
        let profile = ClientProfile(
            remotes: [.init(host: text, port: 1, isTCP: false)], device: .tun, authorities: text,
            wrapping: .plain, username: text)
        _ = try? profile.text()
    }
}
