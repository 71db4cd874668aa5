import Wire

/// The request that an SSTP connection begins with, MS-SSTP §4.1. Bounds: 4,096 octets, 64 lines.
public enum HTTPOpening: Equatable, Sendable {
    public static let maxLength = 4096
    static let maxLines = 64

    case incomplete
    /// The first `length` octets are a request that is accepted.
    case request(length: Int)
    /// An HTTP request, but not this one; to be answered with this and closed.
    case refused(String)

    private static let method = Array("SSTP_DUPLEX_POST ".utf8)
    private static let requestLine = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1"
    private static let endOfHead = Array("\r\n\r\n".utf8)
    /// ULONGLONG_MAX: neither side says how long the body is.
    private static let contentLength = String(UInt64.max)

    static let accepted = "HTTP/1.1 200 OK\r\nContent-Length: \(contentLength)\r\nServer: Polyhub\r\n\r\n"

    /// Whether a stream is one for this module; nil: cannot tell yet.
    public static func isOpening(_ first: RawSpan) -> Bool? {
        let count = min(first.byteCount, method.count)
        for index in 0..<count where first.bigEndian(at: index, as: UInt8.self) != method[index] {
            return false
        }
        return count == method.count ? true : nil
    }

    public init(_ octets: RawSpan) {
        let head = [UInt8](copying: octets.extracting(first: min(octets.byteCount, Self.maxLength)))
        guard let end = Self.end(of: head) else {
            self = octets.byteCount < Self.maxLength ? .incomplete : Self.bad
            return
        }
        let lines = head[..<end].split(separator: 0x0d, omittingEmptySubsequences: false)
        let texts = lines.enumerated().compactMap { index, line -> String? in
            // Each line but the first begins with the rest of the line break before it.
            guard index == 0 || line.first == 0x0a else { return nil }
            let text = index == 0 ? line : line.dropFirst()
            return text.allSatisfy { (0x20..<0x7f).contains($0) || $0 == 0x09 }
                ? String(decoding: text, as: UTF8.self) : nil
        }
        guard texts.count == lines.count, texts.count <= Self.maxLines, let first = texts.first else {
            self = Self.bad
            return
        }
        guard first == Self.requestLine else {
            self = .refused(Self.answer("404 Not Found"))
            return
        }
        self = Self.areAcceptable(texts.dropFirst()) ? .request(length: end + Self.endOfHead.count) : Self.bad
    }

    private static let bad = refused(answer("400 Bad Request"))

    private static func answer(_ status: String) -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }

    private static func end(of head: [UInt8]) -> Int? {
        guard head.count >= endOfHead.count else { return nil }
        return (0...head.count - endOfHead.count).first { head[$0..<$0 + endOfHead.count] == endOfHead[...] }
    }

    private static func areAcceptable(_ lines: ArraySlice<String>) -> Bool {
        var lengths: [Substring] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return false }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            if name == "content-length" { lengths.append(value) }
            if name == "transfer-encoding" { return false }
        }
        return lengths.allSatisfy { $0 == contentLength } && lengths.count <= 1
    }
}
