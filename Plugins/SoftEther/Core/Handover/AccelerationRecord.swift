import EngineParts
import OpenSSL
import Wire

extension Acceleration {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(agreement.cookie)
        octets.appendBigEndian(agreement.peerCookie)
        agreement.key.serialize(into: &octets)
        agreement.peerKey.serialize(into: &octets)
        octets.append(agreement.isFast)
        octets.appendBigEndian(nonce.0)
        octets.appendBigEndian(nonce.1)
        octets.append(epoch)
        window.serialize(into: &octets)
        for instant in [heardAt, provedSince, sentAt] {
            octets.appendOptional(instant) { $0.append($1) }
        }
        octets.append(lastWasNewest)
    }

    convenience init(parsing reader: inout ByteReader) throws(WireError) {
        let agreement = Agreement(
            cookie: try reader.read(UInt32.self), peerCookie: try reader.read(UInt32.self),
            key: try SecretBytes(parsing: &reader, count: Self.keyLength),
            peerKey: try SecretBytes(parsing: &reader, count: Self.usedKeyLength),
            isFast: try reader.readFlag())
        let nonce = (try reader.read(UInt64.self), try reader.read(UInt32.self))
        do {
            try self.init(agreement, nonce: nonce, epoch: try reader.readInstant())
        } catch let error as WireError { throw error } catch { throw .badValue }
        window = try AccelerationWindow(parsing: &reader)
        heardAt = try reader.readOptionalInstant()
        provedSince = try reader.readOptionalInstant()
        sentAt = try reader.readOptionalInstant()
        lastWasNewest = try reader.readFlag()
    }
}

extension AccelerationWindow {
    fileprivate func serialize(into octets: inout [UInt8]) {
        young.serialize(into: &octets)
        old.serialize(into: &octets)
        octets.appendBigEndian(floor)
        octets.appendBigEndian(newest)
        octets.appendBigEndian(newestAt)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        young = try Generation(parsing: &reader)
        old = try Generation(parsing: &reader)
        // One that is full has become the old one.
        guard young.count < Self.remembered else { throw .badValue }
        floor = try reader.read(UInt64.self)
        newest = try reader.read(UInt64.self)
        newestAt = try reader.read(UInt64.self)
    }
}

extension AccelerationWindow.Generation {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(UInt32(count))
        for nonce in all { octets.appendBigEndian(nonce) }
        octets.appendBigEndian(newest)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init()
        let count = try reader.readCount()
        guard count <= AccelerationWindow.remembered else { throw .badValue }
        for _ in 0..<count {
            guard insert(try reader.read(UInt64.self)) else { throw .badValue }
        }
        newest = try reader.read(UInt64.self)
    }
}
