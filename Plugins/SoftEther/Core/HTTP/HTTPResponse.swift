public import HTTP

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
            status.line, "Connection: Keep-Alive", "Keep-Alive: timeout=15; max=19", "Content-Type: \(type)",
            "Content-Length: \(body.count)", "",
            "",
        ]
        return Array(head.joined(separator: "\r\n").utf8) + body
    }
}
