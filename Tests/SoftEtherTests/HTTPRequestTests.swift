import HTTP
import Testing
import Wire

@testable import SoftEtherCore

private func parse(_ text: String) throws(HTTPStatus) -> HTTPRequest? { try parse(Array(text.utf8)) }
private func parse(_ bytes: [UInt8]) throws(HTTPStatus) -> HTTPRequest? {
    var reader = HTTPRequestReader()
    return try reader.read(bytes.rawSpan)
}

/// What a request is refused with; nil: it is not.
private func refusal(_ text: String) -> HTTPStatus? {
    do throws(HTTPStatus) {
        _ = try parse(text)
        return nil
    } catch {
        return error
    }
}

@Suite struct HTTPRequestTests {
    @Test func `the real client's requests`() throws {
        let probe = try #require(try parse(Captured.probe))
        #expect(probe.method == "GET" && probe.target == "/" && probe.isMarked && probe.body.isEmpty)
        #expect(probe.length == Captured.probe.count)
        let login = try #require(try parse(Captured.loginHead + Captured.loginPack + [1, 2, 3]))
        #expect(login.method == "POST" && login.target == "/vpnsvc/vpn.cgi" && !login.isMarked)
        #expect(login.contentType == "application/octet-stream")
        #expect(login.body == Captured.loginPack)
        #expect(login.length == Captured.loginHead.count + Captured.loginPack.count)
    }

    @Test func `every prefix waits for more`() throws {
        let whole = Captured.loginHead + Captured.loginPack
        for count in 0..<whole.count where count < 400 || count % 101 == 0 {
            #expect(try parse(Array(whole[..<count])) == nil)
        }
    }

    @Test func `a request that comes octet by octet is the same`() throws {
        let whole = Captured.loginHead + Captured.loginPack
        var reader = HTTPRequestReader()
        for count in 0..<whole.count {
            let request = try reader.read(Array(whole[..<count]).rawSpan)
            #expect(request == nil)
        }
        #expect(try reader.read(whole.rawSpan) == parse(whole))
    }

    /// features.md §4.2, input 2.
    @Test func `lies`() {
        let line = "POST / HTTP/1.1\r\n"
        let field = "A: b\r\n"
        #expect(refusal(line + String(repeating: field, count: 128) + "\r\n") == nil)
        #expect(refusal(line + String(repeating: field, count: 129) + "\r\n") == .fieldsTooLarge)
        #expect(refusal(line + "A: " + String(repeating: "x", count: 4090) + "\r\n\r\n") == nil)
        #expect(refusal(line + "A: " + String(repeating: "x", count: 5000) + "\r\n") == .fieldsTooLarge)
        #expect(refusal(line + String(repeating: "x", count: 4097)) == .fieldsTooLarge)
        let long = "A: " + String(repeating: "x", count: 4000) + "\r\n"
        #expect(refusal(line + String(repeating: long, count: 5) + "\r\n") == .fieldsTooLarge)
        for head in [
            "A: b\rC: d\r\n", "A: b\r\r\n", "A: b\n", "A: \u{0}\r\n", "A b\r\n", ": b\r\n", " A: b\r\n",
            "A : b\r\n",
            "A: ü\r\n", "Content-Length: -1\r\n", "Content-Length: 1x\r\n", "Content-Length: \r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n", "content-length: 5\r\nCONTENT-LENGTH: 6\r\n",
            "Content-Length: 18446744073709551617\r\n",
        ] {
            #expect(refusal(line + head + "\r\n") == .badRequest, "\(head)")
        }
        #expect(refusal(line + "Content-Length: 65536\r\n\r\n") == nil)
        #expect(refusal(line + "Content-Length: 65537\r\n\r\n") == .contentTooLarge)
        #expect(refusal(line + "Transfer-Encoding: chunked\r\n\r\n") == .notImplemented)
        #expect(refusal("POST / HTTP/1.0\r\n\r\n") == .versionNotSupported)
        for line in ["POST /\r\n", "POST  / HTTP/1.1\r\n", "\r\n", "POST / HTTP/1.1 x\r\n"] {
            #expect(refusal(line + "\r\n") == .badRequest, "\(line)")
        }
    }

    @Test func `escapes in a value are only text`() throws {
        let request = try #require(
            try parse("POST / HTTP/1.1\r\nA: b%0d%0aC: d\r\nContent-Type: X/Y; z\r\n\r\n"))
        #expect(request.contentType == "x/y")
    }
}
