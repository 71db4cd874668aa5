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

    public var reason: String {
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

    /// "HTTP/1.1 200 OK"
    public var line: String { "HTTP/1.1 \(rawValue) \(reason)" }
}
