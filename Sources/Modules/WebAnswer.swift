import Lanes
import PluginABI

/// What somebody gets who speaks TLS with us and whom no module knows: the answer of a web server that has
/// nothing, if he speaks HTTP (RFC 9112), and otherwise the end of the stream.
final class WebAnswer: StreamHandler {
    static let candidate = unsafe StreamCandidate(.tls) { _ in WebAnswer() }

    private static let answer = Array(
        """
        HTTP/1.1 404 Not Found\r
        Content-Type: text/plain\r
        Content-Length: 11\r
        Connection: close\r
        \r
        Not Found\r

        """.utf8)

    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int {
        if unsafe Self.isHTTP(UnsafeBufferPointer(start: octets.start, count: Int(octets.length))),
            let copy = unsafe stream.lane.allocate(Self.answer.count)
        {
            unsafe copy.start.update(from: Self.answer, count: Self.answer.count)
            unsafe stream.write(copy)
        }
        stream.close()
        return Int(unsafe octets.length)
    }

    func ended(_ stream: ByteStream, _ reason: StreamEnd) {}

    /// Begins with a method and a blank. Methods of others than ours are in capitals as well.
    private static func isHTTP(_ first: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let end = unsafe first.firstIndex(of: 0x20), (3...16).contains(end) else { return false }
        return unsafe first[..<end].allSatisfy { (0x41...0x5a).contains($0) || $0 == 0x5f }
    }
}
