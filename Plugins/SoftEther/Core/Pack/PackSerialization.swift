public import Wire

extension Pack {
    private enum Kind: UInt32 {
        case integer = 0
        case octets = 1
        case string = 2
        case unicode = 3
        case long = 4
    }

    /// The reader holds one Pack, and nothing behind it.
    public init(parsing reader: inout ByteReader) throws(WireError) {
        guard reader.remaining <= Self.maxOctets else { throw .badLength }
        let count = try reader.read(UInt32.self)
        guard count <= Self.maxElements else { throw .badLength }
        var elements: [Element] = []
        var names: Set<String> = []
        for _ in 0..<count {
            let element = try Self.element(&reader)
            guard names.insert(Self.key(element.name)).inserted else { throw .badValue }
            elements.append(element)
        }
        guard reader.remaining == 0 else { throw .badLength }
        self.init(received: elements)
    }

    private static func element(_ reader: inout ByteReader) throws(WireError) -> Element {
        let nameLength = try reader.read(UInt32.self)
        guard nameLength >= 1, nameLength <= maxNameLength + 1 else { throw .badLength }
        let name = try reader.take(Int(nameLength) - 1)
        // What passes may stand in a log line.
        guard name.allSatisfy({ (0x20..<0x7f).contains($0) }) else { throw .badValue }
        guard let kind = Kind(rawValue: try reader.read(UInt32.self)) else { throw .badValue }
        let count = try reader.read(UInt32.self)
        guard count <= maxValues else { throw .badLength }
        let values: Values =
            switch kind {
            case .integer: .integers(try array(Int(count), &reader, integer))
            case .octets: .octets(try array(Int(count), &reader, counted))
            case .string: .strings(try array(Int(count), &reader, counted))
            case .unicode: .unicode(try array(Int(count), &reader, unicode))
            case .long: .longs(try array(Int(count), &reader, long))
            }
        return Element(name: String(decoding: name, as: UTF8.self), values: values)
    }

    private static func array<Value>(
        _ count: Int, _ reader: inout ByteReader,
        _ value: (inout ByteReader) throws(WireError) -> Value
    ) throws(WireError) -> [Value] {
        var values: [Value] = []
        for _ in 0..<count { values.append(try value(&reader)) }
        return values
    }

    private static func integer(_ reader: inout ByteReader) throws(WireError) -> UInt32 {
        try reader.read(UInt32.self)
    }

    private static func long(_ reader: inout ByteReader) throws(WireError) -> UInt64 {
        try reader.read(UInt64.self)
    }

    private static func counted(_ reader: inout ByteReader) throws(WireError) -> [UInt8] {
        try reader.take(Int(try reader.read(UInt32.self)))
    }

    /// UTF-8 with the NUL that its length counts.
    private static func unicode(_ reader: inout ByteReader) throws(WireError) -> String {
        var octets = try counted(&reader)
        guard octets.popLast() == 0, let text = String(validating: octets, as: UTF8.self) else {
            throw .badValue
        }
        return text
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(UInt32(elements.count))
        for element in elements {
            precondition(element.name.utf8.count <= Self.maxNameLength, "a name that no peer would take")
            bytes.appendBigEndian(UInt32(element.name.utf8.count + 1))
            bytes += element.name.utf8
            Self.append(element.values, to: &bytes)
        }
    }

    private static func append(_ values: Values, to bytes: inout [UInt8]) {
        switch values {
        case .integers(let values):
            appendHead(.integer, values.count, to: &bytes)
            for value in values { bytes.appendBigEndian(value) }
        case .octets(let values):
            appendHead(.octets, values.count, to: &bytes)
            for value in values { append(counted: value, to: &bytes) }
        case .strings(let values):
            appendHead(.string, values.count, to: &bytes)
            for value in values { append(counted: value, to: &bytes) }
        case .unicode(let values):
            appendHead(.unicode, values.count, to: &bytes)
            for value in values { append(counted: Array(value.utf8) + [0], to: &bytes) }
        case .longs(let values):
            appendHead(.long, values.count, to: &bytes)
            for value in values { bytes.appendBigEndian(value) }
        }
    }

    private static func appendHead(_ kind: Kind, _ count: Int, to bytes: inout [UInt8]) {
        bytes.appendBigEndian(kind.rawValue)
        bytes.appendBigEndian(UInt32(count))
    }

    private static func append(counted value: [UInt8], to bytes: inout [UInt8]) {
        bytes.appendBigEndian(UInt32(value.count))
        bytes += value
    }
}
