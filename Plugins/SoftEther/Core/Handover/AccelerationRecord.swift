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
        octets.append(contentsOf: nonce)
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
        let nonce = try reader.take(AccelerationPacket.nonceLength)
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
    /// The oldest nonce first.
    fileprivate func serialize(into octets: inout [UInt8]) {
        let remembered = (ring[next...] + ring[..<next]).filter { $0.tick > 0 }
        octets.appendBigEndian(UInt32(remembered.count))
        for (nonce, tick) in remembered {
            octets.appendBigEndian(nonce)
            octets.appendBigEndian(tick)
        }
        octets.appendBigEndian(floor)
        octets.appendBigEndian(newest)
        octets.appendBigEndian(newestAt)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init()
        let count = try reader.readCount()
        guard count <= Self.remembered else { throw .badValue }
        for index in 0..<count {
            ring[index] = (try reader.read(UInt64.self), try reader.read(UInt64.self))
            guard ring[index].tick > 0, known.insert(ring[index].nonce).inserted else { throw .badValue }
        }
        next = count % Self.remembered
        floor = try reader.read(UInt64.self)
        newest = try reader.read(UInt64.self)
        newestAt = try reader.read(UInt64.self)
    }
}
