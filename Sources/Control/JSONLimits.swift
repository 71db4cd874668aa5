import ControlRequests
import Foundation

/// Looks a JSON text over before it is decoded: how deep it nests, and that no object has a name twice, of
/// which RFC 8259 §4 leaves open who wins. It does not check the rest of the grammar, which the decoder does.
struct JSONLimits {
    static let maximumDepth = 16
    static let maximumNames = 4096

    private enum Container {
        case array
        case object(names: Set<String>)
    }

    private var containers: [Container] = []
    private var names = 0

    static func check(_ text: [UInt8]) throws(ControlError) {
        var limits = JSONLimits()
        var position = 0
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "{"): try limits.open(.object(names: []))
            case UInt8(ascii: "["): try limits.open(.array)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = limits.containers.popLast()
            case UInt8(ascii: "\""):
                let end = Self.endOfString(text, from: position)
                if Self.isName(text, after: end) { try limits.name(text[position..<end]) }
                position = end
                continue
            default: break
            }
            position += 1
        }
    }

    private mutating func open(_ container: Container) throws(ControlError) {
        guard containers.count < Self.maximumDepth else {
            throw ControlError(
                .parseError,
                "the request nests deeper than \(Self.maximumDepth) levels, which is what is accepted")
        }
        containers.append(container)
    }

    private mutating func name(_ quoted: ArraySlice<UInt8>) throws(ControlError) {
        names += 1
        guard names <= Self.maximumNames else {
            throw ControlError(.parseError, "the request has more than \(Self.maximumNames) names")
        }
        guard let name = try? JSONDecoder().decode(String.self, from: Data(quoted)) else {
            throw ControlError(.parseError, "a name in the request is no JSON string")
        }
        guard case .object(var names)? = containers.last else { return }
        containers.removeLast()
        guard names.insert(name).inserted else {
            throw ControlError(.parseError, "the request has \"\(name.prefix(40))\" twice in one object")
        }
        containers.append(.object(names: names))
    }

    /// The index after the closing quotation mark, or the end of the text.
    private static func endOfString(_ text: [UInt8], from start: Int) -> Int {
        var position = start + 1
        while position < text.count, text[position] != UInt8(ascii: "\"") {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(position + 1, text.count)
    }

    private static func isName(_ text: [UInt8], after end: Int) -> Bool {
        let next = text[end...].first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0a && $0 != 0x0d }
        return next == UInt8(ascii: ":")
    }
}
