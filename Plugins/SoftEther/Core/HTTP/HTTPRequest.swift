public import HTTP
import Wire

/// One request of those that carry the opening of a connection.
///
/// Bounds: 128 fields, lines of 4,096 octets, 16 KiB up to the body, a body of 64 KiB.
public struct HTTPRequest: Equatable, Sendable {
    static let limits = RequestHeadReader.Limits(head: 16_384, line: 4096, fields: 128)
    public static let maxBody = Pack.maxOctets

    public let head: RequestHead
    public let body: [UInt8]
    /// Octets of the whole request.
    public var length: Int { head.length + body.count }

    public var method: String { head.method }
    public var target: String { head.target }
    /// In lower case, without parameters; empty where there is none.
    public var contentType: String {
        (head.value(of: "content-type") ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
    }

    /// The field that only clients of this protocol send is there.
    public var isMarked: Bool { head.value(of: "x-vpn") != nil }
}

/// Reads one request as it comes.
public struct HTTPRequestReader: Sendable {
    private var reader = RequestHeadReader(HTTPRequest.limits)
    private var head: RequestHead?

    public init() {}

    /// `bytes` are all that has come of the request, and may go on behind it. Nil: there is more to come.
    /// Throws what the client is answered. Of no use after either.
    public mutating func read(_ bytes: RawSpan) throws(HTTPStatus) -> HTTPRequest? {
        if head == nil { head = try reader.read(bytes) }
        guard let head else { return nil }
        let count = head.contentLength ?? 0
        guard count <= HTTPRequest.maxBody else { throw .contentTooLarge }
        guard bytes.byteCount - head.length >= Int(count) else { return nil }
        let body = bytes.extracting(head.length..<head.length + Int(count))
        return HTTPRequest(head: head, body: Array(copying: body))
    }
}
