import OpenSSL
import Wire

/// Hidden values, RFC 2661 §4.3: a stream of MD5 over attribute type, shared secret and random vector, under
/// which stands the value behind its length.
enum HiddenAVP {
    /// The AVPs with hidden ones made visible; a hidden one without a random vector before it is none.
    static func reveal(_ avps: [AVP], secret: SecretBytes?) throws(WireError) -> [AVP] {
        var vector: [UInt8]?
        var revealed: [AVP] = []
        for avp in avps {
            if avp.isHidden {
                guard let vector else { throw .badValue }
                revealed.append(try reveal(avp, secret: secret, vector: vector))
            } else {
                if avp.vendor == .ietf, avp.type == .randomVector { vector = avp.value }
                revealed.append(avp)
            }
        }
        return revealed
    }

    private static func reveal(
        _ avp: AVP, secret: SecretBytes?, vector: [UInt8]
    ) throws(WireError) -> AVP {
        let plain = try stream(avp.value, avp.type, secret, vector, isHiding: false)
        var input = ByteReader(plain.rawSpan)
        let length = Int(try input.read(UInt16.self))
        var visible = avp
        visible.isHidden = false
        // The length that was hidden may say anything.
        visible.value = try input.take(length)
        return visible
    }

    static func hide(_ avp: AVP, secret: SecretBytes?, vector: [UInt8]) throws(WireError) -> AVP {
        var subformat: [UInt8] = []
        subformat.appendBigEndian(UInt16(avp.value.count))
        subformat += avp.value
        var hidden = avp
        hidden.isHidden = true
        hidden.value = try stream(subformat, avp.type, secret, vector, isHiding: true)
        return hidden
    }

    private static func stream(
        _ octets: [UInt8], _ type: AVPType, _ secret: SecretBytes?, _ vector: [UInt8], isHiding: Bool
    ) throws(WireError) -> [UInt8] {
        // Memory that grows leaves copies behind.
        var seed: [UInt8] = []
        seed.reserveCapacity(2 + (secret?.count ?? 0) + max(vector.count, 16))
        defer { wipe(&seed) }
        seed.appendBigEndian(type.rawValue)
        seed.append(secret)
        seed += vector
        var output: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 16) {
            guard let key = try? DigestAlgorithm.md5.hash(seed) else { throw .badValue }
            let block = octets[start..<min(start + 16, octets.count)]
            let result = zip(block, key).map { $0 ^ $1 }
            output += result
            seed.removeAll(keepingCapacity: true)
            seed.append(secret)
            seed += isHiding ? result : Array(block)
        }
        return output
    }
}

extension [UInt8] {
    mutating func append(_ secret: SecretBytes?) {
        guard let secret else { return }
        for index in 0..<secret.count { append(secret.bytes.bigEndian(at: index, as: UInt8.self)) }
    }
}
