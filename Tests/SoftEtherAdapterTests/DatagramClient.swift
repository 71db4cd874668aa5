import OpenSSL
import SoftEtherCore
import Testing

/// What a client that accelerates says and seals.
extension Acceleration {
    static let clientKey = [UInt8](0..<128)

    static func offer(_ pack: inout Pack) {
        pack.set("use_udp_acceleration", true)
        pack.set("udp_acceleration_max_version", 2 as UInt32)
        pack.set("udp_acceleration_client_port", 40000 as UInt32)
        pack.set("udp_acceleration_client_key_v2", clientKey)
        pack.set("support_udp_accel_fast_disconnect_detect", true)
    }
}

/// A value of the welcome, behind its name, kind and count.
func welcomed(_ name: String, in welcome: [UInt8]) -> UInt32? {
    let wanted = Array(name.utf8) + [0, 0, 0, 0, 0, 0, 0, 1]
    guard let start = welcome.indices.first(where: { welcome[$0...].starts(with: wanted) }) else {
        return nil
    }
    return welcome[(start + wanted.count)..<(start + wanted.count + 4)].reduce(0) { $0 << 8 | UInt32($1) }
}

func sealed(
    _ frame: [UInt8], cookie: UInt32, tick: UInt64, key: [UInt8]? = nil
) throws -> [UInt8] {
    let key = key ?? Array(Acceleration.clientKey[..<32])
    let context = try AEADContext(.chaCha20Poly1305, key: key.span.bytes, .encrypt)
    var bytes = (0..<12).map { UInt8(truncatingIfNeeded: tick &* 31 &+ $0) }
    for shift in stride(from: 24, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: cookie >> shift))
    }
    for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: tick >> UInt64(shift)))
    }
    bytes +=
        [UInt8](repeating: 0, count: 8) + [UInt8(frame.count >> 8), UInt8(frame.count & 255), 0] + frame
    bytes += [UInt8](repeating: 0, count: 16)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    let isSealed = context.seal(&raw, text: 12..<raw.byteCount - 16)
    #expect(isSealed)
    return bytes
}
