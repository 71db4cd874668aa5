import EngineParts
import Wire

/// A channel with what waits and what is not acknowledged, as it travels to another instance of the module.
extension ReliableChannel {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(nextNumber)
        octets.appendBigEndian(expected)
        octets.append(UInt8(clamping: pending.count))
        for message in pending {
            octets.appendBigEndian(message.number)
            octets.appendBigEndian(message.session)
            octets.appendCounted(message.body)
            octets.append(message.isSent)
        }
        octets.append(UInt8(clamping: window))
        octets.append(UInt8(clamping: retransmits))
        octets.append(timeout)
        octets.appendOptional(deadline) { $0.append($1) }
        octets.append(owesAcknowledgement)
        octets.append(countedAcknowledgement)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        nextNumber = try reader.read(UInt16.self)
        expected = try reader.read(UInt16.self)
        let count = Int(try reader.read(UInt8.self))
        guard count <= Self.maxQueued else { throw .badLength }
        for _ in 0..<count {
            let (number, session) = (try reader.read(UInt16.self), try reader.read(UInt16.self))
            pending.append(
                Pending(
                    number: number, session: session, body: try reader.readCounted(),
                    isSent: try reader.readFlag()))
        }
        useWindow(UInt16(try reader.read(UInt8.self)))
        retransmits = Int(try reader.read(UInt8.self))
        timeout = try reader.readDuration()
        deadline = try reader.readOptionalInstant()
        owesAcknowledgement = try reader.readFlag()
        countedAcknowledgement = try reader.readFlag()
    }
}
