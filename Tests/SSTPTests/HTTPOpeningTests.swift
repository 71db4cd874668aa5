import SSTPClient
import Testing

@testable import SSTPCore

@Suite struct HTTPOpeningTests {
    private let request = SimulatedSSTPClient.request

    private func judge(_ text: String) -> HTTPOpening.Step { judge(Array(text.utf8)) }

    private func judge(_ octets: [UInt8]) -> HTTPOpening.Step {
        var opening = HTTPOpening()
        return opening.receive(octets.span.bytes)
    }

    private func isRefused(_ text: String, _ status: String) -> Bool {
        guard case .refused(let answer) = judge(text) else { return false }
        return answer.hasPrefix("HTTP/1.1 \(status)")
    }

    @Test func `the request of Windows is accepted, and what stands behind it is left`() {
        #expect(judge(request) == .request(length: request.utf8.count))
        #expect(judge(request + "\u{10}\u{01}") == .request(length: request.utf8.count))
        for count in 0..<request.utf8.count {
            #expect(judge(Array(request.utf8.prefix(count))) == .incomplete)
        }
        var opening = HTTPOpening()
        for count in 0..<request.utf8.count {
            #expect(opening.receive(Array(request.utf8.prefix(count)).span.bytes) == .incomplete)
        }
        #expect(opening.receive(Array(request.utf8).span.bytes) == .request(length: request.utf8.count))
    }

    @Test func `streams are claimed by their first octets`() {
        let octets = Array(request.utf8)
        for count in 0..<17 {
            #expect(HTTPOpening.isOpening(Array(octets.prefix(count)).span.bytes) == nil)
        }
        #expect(HTTPOpening.isOpening(Array(octets.prefix(17)).span.bytes) == true)
        #expect(HTTPOpening.isOpening(Array("POST /vpnsvc".utf8).span.bytes) == false)
        #expect(HTTPOpening.isOpening(Array("SSTP_DUPLEX_POSt ".utf8).span.bytes) == false)
    }

    @Test func `another page or method is not found, another version not supported`() {
        for (old, new) in [("sra_", "srb_"), ("SSTP_DUPLEX_POST", "GET")] {
            #expect(isRefused(request.replacing(old, with: new), "404"))
        }
        #expect(isRefused(request.replacing("HTTP/1.1", with: "HTTP/1.0"), "505"))
    }

    @Test func `headers that could be read in two ways are refused`() {
        for (old, new) in [
            ("18446744073709551615", "0"), ("Host:", "Content-Length: 5\r\nHost:"),
            ("Host: vpn.example", "Host vpn.example"),
            ("Host:", ": x\r\nHost:"), ("vpn.example", "vpn\u{0}example"), ("vpn.example", "vpn\nexample"),
            ("vpn.example", "vpn\rexample"), ("Host:", " folded\r\nHost:"),
        ] {
            #expect(isRefused(request.replacing(old, with: new), "400"), "\(new.debugDescription)")
        }
        #expect(isRefused(request.replacing("Host:", with: "Transfer-Encoding: chunked\r\nHost:"), "501"))
        let lines = String(repeating: "X: y\r\n", count: HTTPOpening.limits.fields)
        #expect(isRefused(request.replacing("Host:", with: lines + "Host:"), "431"))
        #expect(isRefused(String(repeating: "S", count: HTTPOpening.limits.head), "431"))
    }
}
