import EngineParts
import OpenSSL
import Wire

extension Opening {
    /// What the reader of requests has seen comes again.
    func serialize(into octets: inout [UInt8]) {
        octets.append(contentsOf: challenge)
        octets.append(hasSaidHello)
        octets.append(UInt8(requests))
    }

    init(parsing reader: inout ByteReader, _ software: ServerSoftware) throws(WireError) {
        let challenge = try reader.take(Self.challengeLength)
        self.init(server: software, challenge: challenge, isKnown: try reader.readFlag())
        requests = Int(try reader.read(UInt8.self))
    }
}

extension Login {
    /// Without the proof, which is the host's to judge by now.
    func serialize(into octets: inout [UInt8]) {
        octets.append(hub)
        octets.append(user)
        if case .unsupported = credential { octets.append(true) } else { octets.append(false) }
        software.serialize(into: &octets)
        wishes.serialize(into: &octets)
        octets.appendOptional(acceleration) { $1.serialize(into: &$0) }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        hub = try reader.readText()
        user = try reader.readText()
        credential = try reader.readFlag() ? .unsupported : .anonymous
        software = try ClientSoftware(parsing: &reader)
        wishes = try SessionWishes(parsing: &reader)
        acceleration = try reader.readFlag() ? try AccelerationOffer(parsing: &reader) : nil
    }
}

extension ClientSoftware {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.append(name)
        octets.appendBigEndian(version)
        octets.appendBigEndian(build)
        octets.append(hostName)
        octets.appendCounted(uniqueID)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        name = try reader.readText()
        version = try reader.read(UInt32.self)
        build = try reader.read(UInt32.self)
        hostName = try reader.readText()
        uniqueID = try reader.readCounted()
    }
}

extension SessionWishes {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(UInt32(connections))
        for flag in [compresses, isHalfDuplex, hasPriority, isBridge, isMonitor] { octets.append(flag) }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        connections = Int(try reader.read(UInt32.self))
        compresses = try reader.readFlag()
        isHalfDuplex = try reader.readFlag()
        hasPriority = try reader.readFlag()
        isBridge = try reader.readFlag()
        isMonitor = try reader.readFlag()
    }
}

extension AccelerationOffer {
    fileprivate func serialize(into octets: inout [UInt8]) {
        key.serialize(into: &octets)
        octets.appendBigEndian(port)
        octets.append(isFast)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        key = try SecretBytes(parsing: &reader, count: Acceleration.keyLength)
        port = try reader.read(UInt16.self)
        isFast = try reader.readFlag()
    }
}

extension SecretBytes {
    func serialize(into octets: inout [UInt8]) { octets.append(contentsOf: Array(copying: bytes)) }

    convenience init(parsing reader: inout ByteReader, count: Int) throws(WireError) {
        var octets = try reader.take(count)
        self.init(copying: octets)
        wipe(&octets)
    }
}
