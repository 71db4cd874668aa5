/// Domain names as DHCPv6 (RFC 8415 §10) and router advertisements (RFC 8106 §5.2) list them: labels after
/// RFC 1035 §3.1, never compressed, the names one behind the other.
public enum DomainNames {
    /// Names that are read of one list.
    public static let maxNames = 8
    private static let maxLength = 253

    /// Names of letters, digits, hyphens and underscores, so that they are safe in any protocol's text. What
    /// stands behind a fault, and a name of anything else, is left out; so are the padding zeros at the end.
    public static func parse(_ bytes: RawSpan) -> [String] {
        var reader = ByteReader(bytes)
        var names: [String] = []
        while reader.remaining > 0, names.count < maxNames {
            guard let name = try? Self.name(&reader) else { return names }
            if !name.isEmpty, name.utf8.count <= maxLength { names.append(name) }
        }
        return names
    }

    /// Empty for a name that is not taken.
    private static func name(_ reader: inout ByteReader) throws(WireError) -> String {
        var labels: [String] = []
        var isGood = true
        while true {
            let count = Int(try reader.read(UInt8.self))
            guard count > 0 else { return isGood ? labels.joined(separator: ".") : "" }
            guard count < 64 else { throw .badLength }
            let label = try reader.take(count)
            isGood = isGood && label.allSatisfy(isPlain)
            labels.append(String(decoding: label, as: UTF8.self))
        }
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case _: false
        }
    }

    /// Appends one that `parse` gave.
    public static func append(_ name: String, to output: inout [UInt8]) {
        for label in name.utf8.split(separator: UInt8(ascii: ".")) {
            precondition(label.count < 64, "a label has 63 octets at most")
            output.append(UInt8(label.count))
            output += label
        }
        output.append(0)
    }
}
