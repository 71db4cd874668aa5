import Wire

/// What stands in front of the body of an HTTP/1.1 request (RFC 9112): request line and header fields.
/// Folded lines, bare line feeds and control characters are refused, and what could be read in two ways.
public struct RequestHead: Equatable, Sendable {
    public let method: String
    public let target: String
    /// In the order in which they came, with names in lower case.
    public private(set) var fields: [(name: String, value: String)] = []
    /// Nil where it is not told.
    public private(set) var contentLength: UInt64?
    /// Octets up to the body.
    public fileprivate(set) var length = 0

    /// Of the first field with that name, which is in lower case.
    public func value(of name: String) -> String? { fields.first { $0.name == name }?.value }

    fileprivate init(requestLine: String) throws(HTTPStatus) {
        let words = requestLine.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3 else { throw .badRequest }
        guard words[2] == "HTTP/1.1" else { throw .versionNotSupported }
        method = String(words[0])
        target = String(words[1])
    }

    fileprivate mutating func add(_ line: String) throws(HTTPStatus) {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
            line[..<colon].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { throw .badRequest }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        let name = line[..<colon].lowercased()
        switch name {
        case "content-length":
            // Twice is how requests are smuggled, also where both say the same.
            guard contentLength == nil, (1...20).contains(value.utf8.count),
                value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(value)
            else { throw .badRequest }
            contentLength = number
        case "transfer-encoding": throw .notImplemented
        default: break
        }
        fields.append((name, String(value)))
    }

    public static func == (one: RequestHead, other: RequestHead) -> Bool {
        one.method == other.method && one.target == other.target && one.length == other.length
            && one.contentLength == other.contentLength && one.fields.elementsEqual(other.fields, by: ==)
    }
}

/// Reads the head of one request as it comes, and looks at every octet once, however it is cut.
///
/// Bounds: those of `Limits`.
public struct RequestHeadReader: Sendable {
    public struct Limits: Sendable {
        /// Octets up to the body, and of one line.
        public let head: Int
        public let line: Int
        public let fields: Int

        public init(head: Int, line: Int, fields: Int) {
            self.head = head
            self.line = line
            self.fields = fields
        }
    }

    private let limits: Limits
    /// Octets that were looked at, and where the line begins that is not complete.
    private var position = 0
    private var lineStart = 0
    private var isAfterCR = false
    private var head: RequestHead?

    public init(_ limits: Limits) { self.limits = limits }

    /// `bytes` are all that has come of the request, and may go on behind it: each time the same octets, and
    /// more. Nil: there is more to come. Throws what the peer is answered. Of no use after either.
    public mutating func read(_ bytes: RawSpan) throws(HTTPStatus) -> RequestHead? {
        let end = min(bytes.byteCount, limits.head)
        while position < end {
            let octet = bytes.bigEndian(at: position, as: UInt8.self)
            guard isAfterCR else {
                try take(octet)
                continue
            }
            guard octet == 0x0a else { throw .badRequest }
            let line = Array(copying: bytes.extracting(lineStart..<position - 1))
            isAfterCR = false
            position += 1
            lineStart = position
            if let head = try take(line) { return head }
        }
        guard bytes.byteCount < limits.head else { throw .fieldsTooLarge }
        return nil
    }

    private mutating func take(_ octet: UInt8) throws(HTTPStatus) {
        guard octet == 0x0d || octet == 0x09 || (0x20..<0x7f).contains(octet) else { throw .badRequest }
        isAfterCR = octet == 0x0d
        position += 1
        guard position - lineStart <= limits.line else { throw .fieldsTooLarge }
    }

    /// A line without its end; the head, if that was the empty one behind it.
    private mutating func take(_ line: [UInt8]) throws(HTTPStatus) -> RequestHead? {
        let text = String(decoding: line, as: UTF8.self)
        guard head != nil else {
            head = try RequestHead(requestLine: text)
            return nil
        }
        guard text.isEmpty else {
            try head?.add(text)
            guard head?.fields.count ?? 0 <= limits.fields else { throw .fieldsTooLarge }
            return nil
        }
        head?.length = position
        return head
    }
}
