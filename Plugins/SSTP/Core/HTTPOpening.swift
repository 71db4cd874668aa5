import HTTP
import Wire

/// The request that an SSTP connection begins with, MS-SSTP §4.1. Bounds: 4,096 octets, 64 fields.
public struct HTTPOpening: Sendable {
    static let limits = RequestHeadReader.Limits(head: 4096, line: 4096, fields: 64)

    public enum Step: Equatable, Sendable {
        /// There is more to come, behind what has come already.
        case incomplete
        /// The first `length` octets are a request that is accepted.
        case request(length: Int)
        /// An HTTP request, but not this one; to be answered with this and closed.
        case refused(String)
    }

    private static let method = "SSTP_DUPLEX_POST"
    private static let target = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
    /// Neither side says how long the body is.
    private static let contentLength = UInt64.max

    static let accepted =
        "\(HTTPStatus.ok.line)\r\nContent-Length: \(contentLength)\r\nServer: Polyhub\r\n\r\n"

    private var reader = RequestHeadReader(limits)

    public init() {}

    /// Whether a stream is one for this module; nil: cannot tell yet.
    public static func isOpening(_ first: RawSpan) -> Bool? {
        for (index, octet) in "\(method) ".utf8.enumerated() {
            guard index < first.byteCount else { return nil }
            guard first.bigEndian(at: index, as: UInt8.self) == octet else { return false }
        }
        return true
    }

    /// `octets` are all that has come.
    public mutating func receive(_ octets: RawSpan) -> Step {
        do throws(HTTPStatus) {
            guard let head = try reader.read(octets) else { return .incomplete }
            guard head.method == Self.method, head.target == Self.target else { throw .notFound }
            guard [nil, Self.contentLength].contains(head.contentLength) else { throw .badRequest }
            return .request(length: head.length)
        } catch {
            return .refused("\(error.line)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
    }
}
