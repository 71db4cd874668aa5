/// The protocol's serialization of parameters: named arrays of values, all of one kind in one array.
///
///     Pack:    | element count (4) | elements |
///     element: | length of the name, plus 1 (4) | name | kind (4) | value count (4) | values |
///
/// Names are compared without regard to case.
public struct Pack: Equatable, Sendable {
    public static let maxOctets = 65_536
    public static let maxElements = 256
    public static let maxValues = 256
    public static let maxNameLength = 63

    public enum Values: Equatable, Sendable {
        case integers([UInt32])
        case octets([[UInt8]])
        /// Text of the peer's making: usually UTF-8, but nobody has promised that.
        case strings([[UInt8]])
        case unicode([String])
        case longs([UInt64])
    }

    public struct Element: Equatable, Sendable {
        public let name: String
        public let values: Values
    }

    /// In ascending order of their names, as real peers send them.
    public private(set) var elements: [Element] = []

    public init() {}

    /// Linear scan: at most 256 elements, and a few dozen questions in the life of a connection.
    public subscript(name: String) -> Values? {
        get { elements.first { Self.key($0.name) == Self.key(name) }?.values }
        set {
            elements.removeAll { Self.key($0.name) == Self.key(name) }
            guard let newValue else { return }
            let place = elements.firstIndex { Self.key($0.name) > Self.key(name) } ?? elements.count
            elements.insert(Element(name: name, values: newValue), at: place)
        }
    }

    /// Takes elements in the order of a peer; they stand under different names.
    init(received elements: [Element]) { self.elements = elements }

    static func key(_ name: String) -> String { name.lowercased() }
}

// MARK: - Single values, which most elements have

extension Pack {
    /// Nil where there is no such element or it is of another kind, as in all of these.
    public func integer(_ name: String) -> UInt32? {
        guard case .integers(let values) = self[name] else { return nil }
        return values.first
    }

    /// As the protocol spells truth: an integer other than zero. What is not there is false.
    public func truth(_ name: String) -> Bool { integer(name, or: 0) != 0 }

    func integer(_ name: String, or fallback: UInt32) -> UInt32 { integer(name) ?? fallback }

    public func octets(_ name: String) -> [UInt8]? {
        guard case .octets(let values) = self[name] else { return nil }
        return values.first
    }

    /// Nil also where the text is not UTF-8.
    public func text(_ name: String) -> String? {
        guard case .strings(let values) = self[name], let first = values.first else { return nil }
        return String(validating: first, as: UTF8.self)
    }

    public mutating func set(_ name: String, _ value: UInt32) { self[name] = .integers([value]) }
    public mutating func set(_ name: String, _ value: Bool) { self[name] = .integers([value ? 1 : 0]) }
    public mutating func set(_ name: String, _ value: [UInt8]) { self[name] = .octets([value]) }
    public mutating func set(_ name: String, _ value: String) { self[name] = .strings([Array(value.utf8)]) }
}
