import Wire

/// One request of the HTTP/1.1 (RFC 9112) that carries the opening of a connection, as much of it as that
/// needs: a request line, header fields, and a body whose length is told. Chunked bodies, folded lines and
/// bare line feeds are refused.
///
/// Bounds: 128 fields, lines of 4,096 octets, 16 KiB up to the body, a body of 64 KiB.
public struct HTTPRequest: Equatable, Sendable {
    public static let maxFields = 128
    public static let maxLine = 4096
    public static let maxHead = 16_384
    public static let maxBody = Pack.maxOctets

    public let method: String
    public let target: String
    /// In lower case, without parameters; empty where there is none.
    public let contentType: String
    /// The field that only clients of this protocol send is there.
    public let isMarked: Bool
    public let body: [UInt8]
    /// Octets of the whole request.
    public let length: Int

    /// Nil: there is more to come. Throws what the client is answered.
    public init?(parsing bytes: RawSpan) throws(HTTPStatus) {
        var lines = HTTPLines(bytes)
        guard let requestLine = try lines.next() else { return nil }
        let words = requestLine.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3 else { throw .badRequest }
        guard words[2] == "HTTP/1.1" else { throw .versionNotSupported }
        var fields = HTTPFields()
        while true {
            guard let line = try lines.next() else { return nil }
            if line.isEmpty { break }
            try fields.add(line)
        }
        let count = try fields.bodyLength
        guard bytes.byteCount - lines.position >= count else { return nil }
        method = String(words[0])
        target = String(words[1])
        contentType = fields.contentType
        isMarked = fields.isMarked
        body = Array(copying: bytes.extracting(lines.position..<lines.position + count))
        length = lines.position + count
    }
}

/// The fields of a request that mean something here.
private struct HTTPFields {
    private(set) var contentType = ""
    private(set) var isMarked = false
    private var contentLength: Int?
    private var count = 0

    mutating func add(_ line: String) throws(HTTPStatus) {
        count += 1
        guard count <= HTTPRequest.maxFields else { throw .fieldsTooLarge }
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
            line[..<colon].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { throw .badRequest }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        switch line[..<colon].lowercased() {
        case "content-length":
            // Twice is how requests are smuggled, also where both say the same.
            guard contentLength == nil, (1...9).contains(value.utf8.count),
                value.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { throw .badRequest }
            contentLength = Int(value)
        case "content-type": contentType = value.prefix { $0 != ";" && $0 != " " }.lowercased()
        case "x-vpn": isMarked = true
        case "transfer-encoding": throw .notImplemented
        default: break
        }
    }

    var bodyLength: Int {
        get throws(HTTPStatus) {
            let length = contentLength ?? 0
            guard length <= HTTPRequest.maxBody else { throw .contentTooLarge }
            return length
        }
    }
}

/// The lines in front of a body, each ended by CR LF, ASCII.
private struct HTTPLines: ~Escapable {
    private let bytes: RawSpan
    private(set) var position = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) { self.bytes = bytes }

    /// Nil: the line is not complete.
    mutating func next() throws(HTTPStatus) -> String? {
        let rest = min(bytes.byteCount, HTTPRequest.maxHead) - position
        var octets: [UInt8] = []
        for offset in 0..<max(rest, 0) {
            let octet = bytes.bigEndian(at: position + offset, as: UInt8.self)
            if octets.last == 0x0d {
                guard octet == 0x0a else { throw .badRequest }
                position += offset + 1
                return String(decoding: octets.dropLast(), as: UTF8.self)
            }
            guard octet == 0x0d || octet == 0x09 || (0x20..<0x7f).contains(octet) else { throw .badRequest }
            octets.append(octet)
            guard octets.count <= HTTPRequest.maxLine else { throw .fieldsTooLarge }
        }
        guard bytes.byteCount < HTTPRequest.maxHead else { throw .fieldsTooLarge }
        return nil
    }
}
