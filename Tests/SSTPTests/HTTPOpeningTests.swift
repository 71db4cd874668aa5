import SSTPClient
import Testing

@testable import SSTPCore

@Suite struct HTTPOpeningTests {
    private let request = SimulatedSSTPClient.request

    private func judge(_ text: String) -> HTTPOpening { HTTPOpening(Array(text.utf8).span.bytes) }

    private func isRefused(_ text: String, _ status: String) -> Bool {
        guard case .refused(let answer) = judge(text) else { return false }
        return answer.hasPrefix("HTTP/1.1 \(status)")
    }

    @Test func `the request of Windows is accepted, and what stands behind it is left`() {
        #expect(judge(request) == .request(length: request.utf8.count))
        #expect(judge(request + "\u{10}\u{01}") == .request(length: request.utf8.count))
        for count in 0..<request.utf8.count {
            #expect(HTTPOpening(Array(request.utf8.prefix(count)).span.bytes) == .incomplete)
        }
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

    @Test func `another page, method or version is not found`() {
        for (old, new) in [("sra_", "srb_"), ("HTTP/1.1", "HTTP/1.0"), ("SSTP_DUPLEX_POST", "GET")] {
            #expect(isRefused(request.replacing(old, with: new), "404"))
        }
    }

    @Test func `headers that could be read in two ways are refused`() {
        for (old, new) in [
            ("18446744073709551615", "0"), ("Host:", "Content-Length: 5\r\nHost:"),
            ("Host:", "Transfer-Encoding: chunked\r\nHost:"), ("Host: vpn.example", "Host vpn.example"),
            ("Host:", ": x\r\nHost:"), ("vpn.example", "vpn\u{0}example"), ("vpn.example", "vpn\nexample"),
            ("vpn.example", "vpn\rexample"), ("Host:", " folded\r\nHost:"),
        ] {
            #expect(isRefused(request.replacing(old, with: new), "400"), "\(new.debugDescription)")
        }
        let lines = String(repeating: "X: y\r\n", count: HTTPOpening.maxLines)
        #expect(isRefused(request.replacing("Host:", with: lines + "Host:"), "400"))
        #expect(isRefused(String(repeating: "S", count: HTTPOpening.maxLength), "400"))
    }
}
