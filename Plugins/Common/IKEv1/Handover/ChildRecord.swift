import EngineParts
import OpenSSL
import Wire

/// A pair of ESP SAs as IKE knows it, on its way to another instance of the module.
extension IKEServer.Child {
    func serialize(into record: inout SecretRecord) {
        sa.serialize(into: &record)
        record.octets.append(isActive)
        record.octets.append(isBeingReplaced)
    }

    init(
        of owner: Cookies, parsing reader: inout ByteReader, _ secrets: inout RecordSecrets
    ) throws(WireError) {
        self.init(sa: try ChildSA(parsing: &reader, &secrets), owner: owner)
        isActive = try reader.readFlag()
        isBeingReplaced = try reader.readFlag()
    }
}

extension ChildSA {
    fileprivate func serialize(into record: inout SecretRecord) {
        record.octets.appendBigEndian(spi)
        record.octets.appendBigEndian(peerSPI)
        suite.serialize(into: &record.octets)
        for selector in [localSelector, remoteSelector] {
            record.octets.appendOptional(selector) { $1.serialize(into: &$0) }
        }
        identity.serialize(into: &record.octets)
        scope.serialize(into: &record)
        path.serialize(into: &record.octets)
        record.octets.append(nat.rawValue)
        record.octets.append(rekeyAt)
        record.octets.append(expiresAt)
        record.octets.appendBigEndian(softOctets)
        record.append(inboundKeys)
        record.append(outboundKeys)
    }

    fileprivate init(
        parsing reader: inout ByteReader, _ secrets: inout RecordSecrets
    ) throws(WireError) {
        spi = try reader.read(UInt32.self)
        peerSPI = try reader.read(UInt32.self)
        suite = try PhaseTwoSuite(parsing: &reader)
        localSelector = try reader.readFlag() ? try Identification(parsing: &reader) : nil
        remoteSelector = try reader.readFlag() ? try Identification(parsing: &reader) : nil
        identity = try Identification(parsing: &reader)
        scope = try KeyRing.Scope(parsing: &reader, secrets)
        path = try IKEPath(parsing: &reader)
        nat = NATOutcome(rawValue: try reader.read(UInt8.self))
        rekeyAt = try reader.readInstant()
        expiresAt = try reader.readInstant()
        softOctets = try reader.read(UInt64.self)
        inboundKeys = try secrets.take(suite.esp.keyLength)
        outboundKeys = try secrets.take(suite.esp.keyLength)
    }
}
