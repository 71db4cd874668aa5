import HTTP
import Wire

/// The server's side of a connection from its first octet to what the client asks for: HTTP requests come in,
/// and what to say to them comes out. No IO, no clock; who owns it bounds the time.
///
///     GET /, Probe                         -->
///                                          <-- Probe's mark
///     POST /vpnsvc/connect.cgi, signature  -->
///                                          <-- Hello: challenge
///     POST /vpnsvc/vpn.cgi, Request        -->
///
/// Bounds: those of a request, and 20 requests.
public struct Opening: Sendable {
    public static let maxRequests = 20
    public static let challengeLength = 20
    static let target = "/vpnsvc/vpn.cgi"

    public enum Step: Sendable {
        /// There is more to come.
        case wait
        case answer([UInt8])
        /// The last words.
        case refuse([UInt8])
        case request(Request)
    }

    private let hello: Pack
    /// The challenge that a proof has to be about.
    public let challenge: [UInt8]
    private(set) var hasSaidHello = false
    var requests = 0
    private var reader = HTTPRequestReader()

    /// `challenge` is 20 random octets. `isKnown`: the client has heard our hello already, on another lane,
    /// and all that it may do here is to join its session.
    public init(server: ServerSoftware, challenge: [UInt8], isKnown: Bool = false) {
        hello = server.hello(challenge: challenge)
        self.challenge = challenge
        hasSaidHello = isKnown
    }

    /// Whether a stream's first octets are those of a client: the line of the request that brings the
    /// signature, or the probe that clients of 2013 and later send before it. Nil: too few to tell.
    public static func isOpening(_ first: RawSpan) -> Bool? {
        let answers = ["POST \(Signature.target) ", Probe.begin].map { begins(first, with: $0) }
        if answers.contains(true) { return true }
        return answers.contains(nil) ? nil : false
    }

    private static func begins(_ bytes: RawSpan, with text: String) -> Bool? {
        for (offset, octet) in text.utf8.enumerated() {
            guard offset < bytes.byteCount else { return nil }
            guard bytes.bigEndian(at: offset, as: UInt8.self) == octet else { return false }
        }
        return true
    }

    /// Takes at most one request from the front of `bytes`; the number of octets that it was. What was not
    /// taken comes again, with more behind it.
    public mutating func receive(_ bytes: RawSpan) -> (taken: Int, Step) {
        do throws(HTTPStatus) {
            guard let request = try reader.read(bytes) else { return (0, .wait) }
            reader = HTTPRequestReader()
            requests += 1
            guard requests <= Self.maxRequests else { throw HTTPStatus.forbidden }
            return (request.length, hasSaidHello ? try method(request) : try signature(request))
        } catch {
            reader = HTTPRequestReader()
            return (bytes.byteCount, .refuse(HTTPResponse.refusing(error)))
        }
    }

    private mutating func signature(_ request: HTTPRequest) throws(HTTPStatus) -> Step {
        if Probe.isOne(request) { return .answer(HTTPResponse.refusing(.forbidden, Probe.mark)) }
        guard request.method == "POST", request.target.lowercased() == Signature.target else {
            return .answer(HTTPResponse.refusing(.notFound))
        }
        guard Signature.isValid(request.body) else { throw .forbidden }
        hasSaidHello = true
        return .answer(HTTPResponse.carrying(hello))
    }

    private mutating func method(_ request: HTTPRequest) throws(HTTPStatus) -> Step {
        guard request.method == "POST", request.target.lowercased() == Self.target,
            request.contentType == HTTPResponse.packType, !request.body.isEmpty
        else { throw .forbidden }
        do throws(RefusalCode) {
            switch try Request(request.body) {
            case .noop: return .answer(HTTPResponse.carrying(Self.noopAnswer))
            case .noopAnswer: return .answer([])
            case let request: return .request(request)
            }
        } catch {
            return .refuse(HTTPResponse.carrying(error.pack))
        }
    }

    private static var noopAnswer: Pack {
        var pack = Pack()
        pack.set("error", 0 as UInt32)
        pack.set("noop", 2 as UInt32)
        return pack
    }
}

/// What the server says of itself to those who have shown the signature.
public struct ServerSoftware: Equatable, Sendable {
    public var name: String
    /// 502 is 5.02. Clients tell by it what they may ask for.
    public var version: UInt32
    public var build: UInt32

    public init(name: String, version: UInt32, build: UInt32) {
        self.name = name
        self.version = version
        self.build = build
    }

    func hello(challenge: [UInt8]) -> Pack {
        var pack = Pack()
        pack.set("hello", name)
        pack.set("version", version)
        pack.set("build", build)
        pack.set("random", challenge)
        return pack
    }
}
