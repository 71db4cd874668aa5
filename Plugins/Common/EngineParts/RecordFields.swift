public import Wire

// What the records of a handover are made of. Numbers are big-endian; texts and octets stand behind their
// length. The reading side trusts nothing: what is missing or cannot be throws.

extension [UInt8] {
    public mutating func append(_ flag: Bool) { append(flag ? 1 : 0) }
    public mutating func append(_ instant: Instant) { appendBigEndian(instant.nanoseconds) }
    public mutating func append(_ duration: Duration) {
        appendBigEndian(Instant(nanoseconds: 0).advanced(by: duration).nanoseconds)
    }

    /// A case, by its place among all of them. One that is not there is a record that nobody takes.
    public mutating func append<Case: Equatable>(_ value: Case, of cases: [Case]) {
        append(UInt8(clamping: cases.firstIndex(of: value) ?? cases.count))
    }

    public mutating func appendCounted(_ octets: [UInt8]) {
        appendBigEndian(UInt32(octets.count))
        append(contentsOf: octets)
    }

    public mutating func append(_ text: String) { appendCounted(Array(text.utf8)) }

    /// A flag, and behind it what there is.
    public mutating func appendOptional<T>(_ value: T?, _ write: (inout [UInt8], T) -> Void) {
        append(value != nil)
        if let value { write(&self, value) }
    }
}

extension ByteReader {
    public mutating func readFlag() throws(WireError) -> Bool { try read(UInt8.self) != 0 }

    public mutating func readInstant() throws(WireError) -> Instant {
        Instant(nanoseconds: try read(UInt64.self))
    }

    public mutating func readDuration() throws(WireError) -> Duration {
        guard let nanoseconds = Int64(exactly: try read(UInt64.self)) else { throw .badValue }
        return .nanoseconds(nanoseconds)
    }

    public mutating func readOne<Case>(of cases: [Case]) throws(WireError) -> Case {
        let place = Int(try read(UInt8.self))
        guard place < cases.count else { throw .badValue }
        return cases[place]
    }

    public mutating func readOptionalInstant() throws(WireError) -> Instant? {
        try readFlag() ? try readInstant() : nil
    }

    public mutating func readCounted() throws(WireError) -> [UInt8] { try take(Int(try read(UInt32.self))) }

    public mutating func readText() throws(WireError) -> String {
        guard let text = String(validating: try readCounted(), as: UTF8.self) else { throw .badValue }
        return text
    }

    public mutating func readOptionalText() throws(WireError) -> String? {
        try readFlag() ? try readText() : nil
    }

    /// How many things follow, each of at least one octet.
    public mutating func readCount() throws(WireError) -> Int {
        let count = Int(try read(UInt32.self))
        guard count <= remaining else { throw .badLength }
        return count
    }
}
