import EngineParts
import OpenSSL
import Wire

/// The book as it travels to another instance of the module, so that who was answered by the one can go on
/// with the other.
struct OfferBookRecord {
    private static let keyLength = 32
    /// Of offers with which nobody has proved who he is, the newest.
    private static let unproven = 64

    let key: SecretBytes
    let nextProven: Int
    let nextUnproven: Int
    private(set) var offers: [(place: Int, octets: [UInt8])] = []

    init(_ book: borrowing OfferBook) {
        key = book.key
        nextProven = book.nextProven
        nextUnproven = book.nextUnproven
        let unproven = (1...Self.unproven).map { age in
            let place = book.nextUnproven - OfferBook.provenCount - age + OfferBook.unprovenCount
            return OfferBook.provenCount + place % OfferBook.unprovenCount
        }
        // An offer that stands in both parts is answered from the proven one.
        for place in unproven + Array(0..<OfferBook.provenCount) {
            if let octets = book.offers[place] { offers.append((place, octets)) }
        }
    }

    func serialize(into record: inout SecretRecord) {
        record.append(key)
        record.octets.appendBigEndian(UInt16(nextProven))
        record.octets.appendBigEndian(UInt16(nextUnproven))
        record.octets.appendBigEndian(UInt32(offers.count))
        for (place, octets) in offers {
            record.octets.appendBigEndian(UInt16(place))
            record.octets.appendCounted(octets)
        }
    }

    init(parsing reader: inout ByteReader, _ secrets: inout RecordSecrets) throws(WireError) {
        let places = OfferBook.provenCount + OfferBook.unprovenCount
        key = try secrets.take(Self.keyLength)
        nextProven = Int(try reader.read(UInt16.self))
        nextUnproven = Int(try reader.read(UInt16.self))
        guard nextProven < OfferBook.provenCount,
            (OfferBook.provenCount..<places).contains(nextUnproven)
        else { throw .badValue }
        for _ in 0..<(try reader.readCount()) {
            let (place, octets) = (Int(try reader.read(UInt16.self)), try reader.readCounted())
            guard place < places, octets.count <= OfferBook.maxOffer else { throw .badValue }
            offers.append((place, octets))
        }
    }
}

extension OfferBook {
    init(_ record: OfferBookRecord) throws(OpenSSLError) {
        var key = Array(copying: record.key.bytes)
        defer { wipe(&key) }
        try self.init(key: key)
        (nextProven, nextUnproven) = (record.nextProven, record.nextUnproven)
        for (place, octets) in record.offers { restore(octets, at: place) }
    }
}
