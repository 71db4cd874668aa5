import EngineParts
import OpenSSL
public import Wire

/// What an SA knows beside its keys, as it travels to another instance of the module. The instance that wrote
/// the record must not use the SA again: a sequence number that is used twice under AES-GCM gives the key
/// stream away.
extension InboundSA {
    public func serialize(into octets: inout [UInt8]) {
        window.serialize(into: &octets)
        octets.appendBigEndian(self.octets)
        octets.appendBigEndian(packets)
        octets.append(isNewest)
    }

    /// Goes on where another instance has stopped. For an SA that has opened nothing yet.
    public func resume(parsing reader: inout ByteReader) throws(WireError) {
        window = try ReplayWindow(parsing: &reader)
        octets = try reader.read(UInt64.self)
        packets = try reader.read(UInt64.self)
        isNewest = try reader.readFlag()
    }
}

extension OutboundSA {
    public func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(sequenceNumber)
        octets.appendBigEndian(self.octets)
    }

    /// Goes on where another instance has stopped. For an SA that has sealed nothing yet.
    public func resume(parsing reader: inout ByteReader) throws(WireError) {
        let number = try reader.read(UInt64.self)
        guard number <= lastNumber else { throw .badValue }
        octets = try reader.read(UInt64.self)
        sequenceNumber = number
    }
}

extension ESPSuite {
    private static let cbcCiphers: [CipherAlgorithm] = [.aes128CBC, .aes192CBC, .aes256CBC, .tripleDESCBC]
    private static let gcmCiphers: [AEADAlgorithm] = [.aes128GCM, .aes192GCM, .aes256GCM]

    public func serialize(into octets: inout [UInt8]) {
        octets.append(isExtended)
        switch cipher {
        case .cbc(let algorithm): octets.append(algorithm.rawValue)
        case .gcm(let algorithm): octets.append(algorithm.rawValue)
        }
        octets.appendOptional(integrity) { $0.append($1.digest.rawValue) }
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        let isExtended = try reader.readFlag()
        let cipher = try reader.readText()
        let digest = try reader.readFlag() ? DigestAlgorithm(rawValue: try reader.readText()) : nil
        if let digest, let algorithm = Self.cbcCiphers.first(where: { $0.rawValue == cipher }) {
            self = .cbc(algorithm, digest, isExtended: isExtended)
        } else if digest == nil, let algorithm = Self.gcmCiphers.first(where: { $0.rawValue == cipher }) {
            self = .gcm(algorithm, isExtended: isExtended)
        } else {
            throw .badValue
        }
    }
}
