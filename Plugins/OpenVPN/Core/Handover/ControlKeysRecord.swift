import EngineParts
import OpenSSL
import Wire

extension ControlKeys {
    func serialize(into octets: inout [UInt8]) {
        switch self {
        case .plain: octets.append(0)
        case .tlsAuth(let keys):
            octets.append(1)
            octets.append(contentsOf: keys.key.octets)
            octets.append(keys.direction.rawValue)
            octets.append(keys.digest.rawValue)
        case .tlsCrypt(let keys):
            octets.append(2)
            octets.append(contentsOf: keys.key.octets)
            octets.append(keys.direction.rawValue)
        }
    }

    /// `shared`: taken instead of keys of its own where they are the same.
    init(parsing reader: inout ByteReader, shared: [ControlKeys]) throws(WireError) {
        let kind = try reader.read(UInt8.self)
        guard kind != 0 else {
            self = .plain
            return
        }
        guard let key = StaticKey(octets: try reader.take(StaticKey.length)),
            let direction = KeyDirection(rawValue: try reader.read(UInt8.self))
        else { throw .badValue }
        switch kind {
        case 1:
            guard let digest = DigestAlgorithm(rawValue: try reader.readText()) else { throw .badValue }
            let known = shared.first {
                if case .tlsAuth(let keys) = $0 {
                    (keys.key, keys.direction, keys.digest) == (key, direction, digest)
                } else {
                    false
                }
            }
            guard let keys = try? known ?? .tlsAuth(TLSAuthKeys(key, digest, direction)) else {
                throw .badValue
            }
            self = keys
        case 2:
            let known = shared.first {
                if case .tlsCrypt(let keys) = $0 {
                    (keys.key, keys.direction) == (key, direction)
                } else {
                    false
                }
            }
            guard let keys = try? known ?? .tlsCrypt(TLSCryptKeys(key, direction)) else { throw .badValue }
            self = keys
        default: throw .badValue
        }
    }
}
