/// What a request can come to, RFC 9110 §15.
public enum HTTPStatus: Int, Error, Sendable {
    case ok = 200
    case badRequest = 400
    case forbidden = 403
    case notFound = 404
    case contentTooLarge = 413
    case fieldsTooLarge = 431
    case notImplemented = 501
    case versionNotSupported = 505

    var reason: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .forbidden: "Forbidden"
        case .notFound: "Not Found"
        case .contentTooLarge: "Content Too Large"
        case .fieldsTooLarge: "Request Header Fields Too Large"
        case .notImplemented: "Not Implemented"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}

/// Answers of the opening. Clients look for HTTP/1.1, the status 200 and the type of the content alone.
public enum HTTPResponse {
    static let packType = "application/octet-stream"

    /// A Pack for a client.
    public static func carrying(_ pack: Pack) -> [UInt8] {
        var body: [UInt8] = []
        pack.serialize(into: &body)
        return response(.ok, type: packType, body: body)
    }

    /// To one who asked for something that is not here; says nothing about what is.
    public static func refusing(_ status: HTTPStatus, _ words: String? = nil) -> [UInt8] {
        response(status, type: "text/plain", body: Array("\(words ?? status.reason)\r\n".utf8))
    }

    private static func response(_ status: HTTPStatus, type: String, body: [UInt8]) -> [UInt8] {
        let head = [
            "HTTP/1.1 \(status.rawValue) \(status.reason)", "Connection: Keep-Alive",
            "Keep-Alive: timeout=15; max=19", "Content-Type: \(type)", "Content-Length: \(body.count)", "",
            "",
        ]
        return Array(head.joined(separator: "\r\n").utf8) + body
    }
}
