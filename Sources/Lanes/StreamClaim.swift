import PluginABI
import Wire

/// What a candidate says to the first octets of a stream.
public enum StreamClaim: Sendable, Equatable {
    case yes
    case no
    /// Ask again when there are at least so many octets.
    case needMore(Int)
}

/// One of those who share a stream listener.
@safe public struct StreamCandidate: Sendable {
    /// [lane] Judges the first octets, of which there are at least one and at most 4,096. Nil takes every
    /// stream that no other candidate claims, and, where it is the only candidate, before the peer has said
    /// anything.
    public var claims: (@Sendable (UnsafeBufferPointer<UInt8>, ByteStream) -> StreamClaim)?
    /// Which streams it is asked about.
    public var carrier: Carrier
    /// [lane] Takes the stream over. The first octets are then received as if nobody had looked at them.
    public var accept: @Sendable (ByteStream) -> any StreamHandler

    public enum Carrier: Sendable { case any, plain, tls }

    public init(
        _ carrier: Carrier = .any,
        claims: (@Sendable (UnsafeBufferPointer<UInt8>, ByteStream) -> StreamClaim)? = nil,
        accept: @escaping @Sendable (ByteStream) -> any StreamHandler
    ) {
        self.carrier = carrier
        unsafe self.claims = claims
        self.accept = accept
    }

    var takesTheRest: Bool { unsafe claims == nil }

    func takes(_ stream: ByteStream) -> Bool {
        switch carrier {
        case .any: true
        case .plain: stream.tls == nil
        case .tls: stream.tls != nil
        }
    }
}

/// The handler of a stream that belongs to nobody yet.
///
/// Bounds: 4 KiB of first octets and ten seconds, the TLS handshake included. Who was not claimed by then, or
/// by nobody, is closed.
final class StreamClaims: StreamHandler {
    private var candidates: [StreamCandidate]
    private let leaves: () -> Void
    private var hasLeft = false
    private var wanted = 1
    private var deadline: TimerID?

    private static let mostOctets = 4096
    private static let time = Duration.seconds(10)

    /// `leaves` is called once, when the stream is claimed or gone.
    init(_ candidates: [StreamCandidate], leaves: @escaping () -> Void) {
        self.candidates = candidates
        self.leaves = leaves
    }

    func begin(_ stream: ByteStream) {
        deadline = stream.lane.schedule(
            at: stream.lane.now.advanced(by: StreamClaims.time), target: Expiry(stream), token: 0)
    }

    /// The handshake is over.
    func opened(_ stream: ByteStream) {
        candidates.removeAll { !$0.takes(stream) }
        if candidates.count == 1, candidates[0].takesTheRest { hand(stream, to: candidates[0]) }
    }

    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int {
        let count = min(Int(unsafe octets.length), StreamClaims.mostOctets)
        guard count >= wanted else { return 0 }
        let first = unsafe UnsafeBufferPointer(start: UnsafePointer(octets.start), count: count)
        var next = Int.max
        for candidate in candidates {
            switch unsafe candidate.claims?(first, stream) {
            case .yes:
                hand(stream, to: candidate)
                return 0
            case .needMore(let octets): next = min(next, max(octets, count + 1))
            case .no, nil: break
            }
        }
        wanted = next
        guard next > StreamClaims.mostOctets else { return 0 }
        if let last = candidates.first(where: { $0.takesTheRest }) {
            hand(stream, to: last)
        } else {
            stream.close()
        }
        return 0
    }

    func ended(_ stream: ByteStream, _ reason: StreamEnd) { leave(stream.lane) }

    private func hand(_ stream: ByteStream, to candidate: StreamCandidate) {
        leave(stream.lane)
        let handler = candidate.accept(stream)
        // A stream that was closed meanwhile tells its new owner so.
        if stream.move == nil { stream.setHandler(handler) }
    }

    private func leave(_ lane: Lane) {
        if let deadline { lane.cancel(deadline) }
        deadline = nil
        if !hasLeft { leaves() }
        hasLeft = true
    }

    private final class Expiry: TimerTarget {
        private let stream: ByteStream
        init(_ stream: ByteStream) { self.stream = stream }
        func timerFired(_ token: UInt64, at now: Instant) { stream.fail(.idle) }
    }
}
