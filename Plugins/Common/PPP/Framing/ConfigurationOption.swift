public import Wire

/// One option of a Configure packet, RFC 1661 §6. What its data means depends on the protocol.
///
///      type (1) | length (1), of the whole option | data
public struct ConfigurationOption: Hashable, Sendable {
    private static let headerLength = 2
    /// Of one packet.
    public static let maxCount = 64

    public var type: UInt8
    /// 253 octets at most.
    public var data: [UInt8]

    public init(_ type: UInt8, _ data: [UInt8] = []) {
        precondition(data.count <= 255 - Self.headerLength, "an option's length is one octet")
        self.type = type
        self.data = data
    }

    public init<Value: FixedWidthInteger>(_ type: UInt8, _ value: Value) {
        var data: [UInt8] = []
        data.appendBigEndian(value)
        self.init(type, data)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        type = try reader.read(UInt8.self)
        let length = Int(try reader.read(UInt8.self))
        guard length >= Self.headerLength else { throw .badLength }
        data = try reader.take(length - Self.headerLength)
    }

    /// The options of a whole packet.
    public static func list(parsing bytes: [UInt8]) throws(WireError) -> [ConfigurationOption] {
        var reader = ByteReader(bytes.rawSpan)
        var options: [ConfigurationOption] = []
        while reader.remaining > 0 {
            guard options.count < maxCount else { throw .badLength }
            options.append(try ConfigurationOption(parsing: &reader))
        }
        return options
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.append(type)
        bytes.append(UInt8(Self.headerLength + data.count))
        bytes += data
    }

    public static func octets(of options: [ConfigurationOption]) -> [UInt8] {
        options.reduce(into: []) { $1.serialize(into: &$0) }
    }

    /// The data as a number; nil where it has another size.
    public func value<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value? {
        guard data.count == MemoryLayout<Value>.size else { return nil }
        return data.rawSpan.bigEndian(at: 0, as: Value.self)
    }
}
