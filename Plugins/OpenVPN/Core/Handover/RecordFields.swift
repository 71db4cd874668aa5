import Wire

// What records of a handover are made of. Numbers are big-endian; texts and octets stand behind their length.

extension [UInt8] {
    mutating func append(_ flag: Bool) { append(flag ? 1 : 0) }
    mutating func append(_ instant: Instant) { appendBigEndian(instant.nanoseconds) }

    mutating func appendCounted(_ octets: [UInt8]) {
        appendBigEndian(UInt32(octets.count))
        append(contentsOf: octets)
    }

    mutating func append(_ text: String) { appendCounted(Array(text.utf8)) }

    /// A flag, and behind it what there is.
    mutating func appendOptional<T>(_ value: T?, _ write: (inout [UInt8], T) -> Void) {
        append(value != nil)
        if let value { write(&self, value) }
    }
}

extension ByteReader {
    mutating func readFlag() throws(WireError) -> Bool { try read(UInt8.self) != 0 }
    mutating func readInstant() throws(WireError) -> Instant { Instant(nanoseconds: try read(UInt64.self)) }
    mutating func readOptionalInstant() throws(WireError) -> Instant? {
        try readFlag() ? try readInstant() : nil
    }

    mutating func readCounted() throws(WireError) -> [UInt8] { try take(Int(try read(UInt32.self))) }

    mutating func readText() throws(WireError) -> String {
        guard let text = String(validating: try readCounted(), as: UTF8.self) else { throw .badValue }
        return text
    }

    mutating func readOptionalText() throws(WireError) -> String? { try readFlag() ? try readText() : nil }

    /// How many things follow, each of at least one octet.
    mutating func readCount() throws(WireError) -> Int {
        let count = Int(try read(UInt32.self))
        guard count <= remaining else { throw .badLength }
        return count
    }
}
