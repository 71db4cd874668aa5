/// The options of a DHCP message in their order, each code once; message type, overload, pad and end are not
/// among them. RFC 2132; option splitting RFC 3396; classless routes RFC 3442.
///
/// A typed accessor gives nil for an option that is absent or whose value has another length than the RFC
/// demands: a peer's bad option is as none.
public struct DHCPOptions: Equatable, Sendable {
    public private(set) var list: [DHCPOption] = []

    public init() {}

    /// The raw value; setting nil removes the option, setting a new one appends it.
    public subscript(code: DHCPOptionCode) -> [UInt8]? {
        get { list.first { $0.code == code }?.value }
        set {
            guard let index = list.firstIndex(where: { $0.code == code }) else {
                if let newValue { list.append(DHCPOption(code, newValue)) }
                return
            }
            if let newValue { list[index].value = newValue } else { list.remove(at: index) }
        }
    }

    public func integer<T: FixedWidthInteger & BitwiseCopyable>(_ code: DHCPOptionCode, as _: T.Type) -> T? {
        guard let value = self[code], value.count == MemoryLayout<T>.size else { return nil }
        return value.rawSpan.bigEndian(at: 0)
    }

    public func address(_ code: DHCPOptionCode) -> IPv4Address? {
        integer(code, as: UInt32.self).map { IPv4Address($0) }
    }

    public func addresses(_ code: DHCPOptionCode) -> [IPv4Address] {
        guard let value = self[code], value.count % 4 == 0 else { return [] }
        return stride(from: 0, to: value.count, by: 4)
            .map { IPv4Address(value.rawSpan.bigEndian(at: $0)) }
    }

    /// Seconds on the wire; 0xffffffff, "infinity", is given as it stands (136 years).
    public func duration(_ code: DHCPOptionCode) -> Duration? {
        integer(code, as: UInt32.self).map { .seconds(Int64($0)) }
    }

    /// Text of printable ASCII; trailing NULs, which some servers send, are cut. Anything else is as none.
    public func text(_ code: DHCPOptionCode) -> String? {
        guard var value = self[code] else { return nil }
        while value.last == 0 { value.removeLast() }
        guard !value.isEmpty, value.allSatisfy({ (0x20...0x7e).contains($0) }) else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    public mutating func set(_ code: DHCPOptionCode, _ addresses: [IPv4Address]) {
        var value: [UInt8] = []
        for address in addresses { value.appendBigEndian(address.bits) }
        self[code] = value
    }

    public mutating func set(_ code: DHCPOptionCode, _ address: IPv4Address) { set(code, [address]) }

    /// Whole seconds; what does not fit in 32 bits is sent as infinity.
    public mutating func set(_ code: DHCPOptionCode, _ duration: Duration) {
        var value: [UInt8] = []
        value.appendBigEndian(UInt32(clamping: duration.components.seconds))
        self[code] = value
    }

    public mutating func set(_ code: DHCPOptionCode, _ text: String) { self[code] = Array(text.utf8) }
}

extension DHCPOptions {
    /// Reads one field of options up to End, which must be there. What stands behind End is ignored.
    mutating func parse(_ input: inout ByteReader) throws(WireError) {
        while true {
            let code = DHCPOptionCode(rawValue: try input.read(UInt8.self))
            if code == .pad { continue }
            if code == .end { return }
            let length = Int(try input.read(UInt8.self))
            guard length <= input.remaining else { throw .badLength }
            let value = try input.take(length)
            if let index = list.firstIndex(where: { $0.code == code }) {
                // Parts of a message type would be two message types.
                guard code != .messageType else { throw .badValue }
                list[index].value += value
            } else {
                list.append(DHCPOption(code, value))
            }
        }
    }

    /// Writes each option, split where it is longer than 255 octets; does not write End.
    func serialize(into output: inout [UInt8]) {
        for option in list {
            var rest = option.value[...]
            repeat {
                let part = rest.prefix(255)
                output += [option.code.rawValue, UInt8(part.count)]
                output += part
                rest = rest.dropFirst(255)
            } while !rest.isEmpty
        }
    }
}
