/// What clients ask first, to tell a server of theirs from a web server behind the same port: a page with a
/// mark in it. (Seen from the real client 5.01; the description of the protocol does not know it.)
enum Probe {
    static let begin = "GET / HTTP/1.1\r\nX-VPN: 1\r\n"
    static let mark = "9C37197CA7C2428388C2E6E59B829B30"

    static func isOne(_ request: HTTPRequest) -> Bool {
        request.method == "GET" && request.target == "/" && request.isMarked
    }
}
