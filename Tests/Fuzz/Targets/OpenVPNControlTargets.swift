import OpenSSL
import Wire

@testable import OpenVPNCore

extension FuzzTarget {
    static let openVPNControlTargets = [
        FuzzTarget("openvpn-control-packet", controlPacket),
        FuzzTarget("openvpn-control-wrapping", controlWrapping),
        FuzzTarget("openvpn-wrapped-key", wrappedKey), FuzzTarget("openvpn-stream", stream),
    ]

    static let staticKey = StaticKey(octets: (0..<256).map { UInt8($0) })!

    private static func controlPacket(_ bytes: [UInt8]) {
        guard let packet = try? ControlKeys.plain.unwrap(bytes).packet else { return }
        guard let again = try? ControlKeys.plain.wrap(packet, ReplayID(id: 1, time: 1)) else {
            preconditionFailure("a packet that was read cannot be written")
        }
        precondition(again == bytes, "a packet does not survive the way there and back")
    }

    /// The first octet chooses: what stands behind it as a packet of each wrapping, or wrapped with good keys
    /// so that it gets further.
    private static func controlWrapping(_ bytes: [UInt8]) {
        guard let choice = bytes.first, let auth = try? TLSAuthKeys(staticKey, .sha256, .bidirectional),
            let crypt = try? TLSCryptKeys(staticKey, .bidirectional)
        else { return }
        let packet = Array(bytes.dropFirst())
        for keys in [ControlKeys.plain, .tlsAuth(auth), .tlsCrypt(crypt)] {
            if choice & 1 == 0 {
                _ = try? keys.unwrap(packet)
            } else if let inner = try? ControlKeys.plain.unwrap(packet).packet,
                let wrapped = try? keys.wrap(inner, ReplayID(id: UInt32(choice), time: 7)),
                wrapped.count <= ControlPacket.maxReceived
            {
                let unwrapped = try? keys.unwrap(wrapped)
                precondition(unwrapped?.packet == inner, "a packet does not survive its wrapping")
            }
        }
    }

    private static func wrappedKey(_ bytes: [UInt8]) {
        guard let server = TLSCryptV2ServerKey(octets: Array(staticKey.octets.prefix(128))),
            let wrapper = try? TLSCryptV2Wrapper(server)
        else { return }
        _ = try? wrapper.unwrap(packet: bytes)
        guard let key = try? wrapper.wrap(staticKey, .user(bytes)) else { return }
        let unwrapped = try? wrapper.unwrap(packet: bytes + key.wrapped)
        if bytes.count + key.wrapped.count <= ControlPacket.maxReceived {
            precondition(unwrapped?.packet == bytes && unwrapped?.metadata == .user(bytes))
        }
    }

    private static func stream(_ bytes: [UInt8]) {
        let span = bytes.span.bytes
        _ = StreamFraming.isClientReset(span)
        if case .packet(let length) = StreamFraming(span) {
            precondition(length > 0 && StreamFraming.headerLength + length <= bytes.count)
        }
    }
}
