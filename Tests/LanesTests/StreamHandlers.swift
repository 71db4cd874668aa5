import Lanes
import PluginABI

/// What a handler of a test saw.
enum StreamEvent: Sendable, Equatable {
    case received(lane: Int, [UInt8])
    case finished
    case writable
    case ended(StreamEnd)
}

/// Answers every whole message (one octet of length, then so many octets) with the message, and notes what it
/// saw.
final class MessageEcho: StreamHandler {
    private let log: Log<StreamEvent>
    init(_ log: Log<StreamEvent>) { self.log = log }

    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int {
        var consumed = 0
        while consumed < octets.length {
            let size = Int(octets.start[consumed]) + 1
            guard consumed + size <= octets.length else { break }
            var message = octets
            message.start += consumed
            message.length = UInt32(size)
            log.add(.received(lane: stream.lane.index, message.octets))
            stream.write(message)
            consumed += size
        }
        return consumed
    }

    func ended(_ stream: ByteStream, _ reason: StreamEnd) { log.add(.ended(reason)) }
}

/// A handler made of closures.
final class Closures: StreamHandler {
    var onReceived: (pa_slice_v1, ByteStream) -> Int = { octets, _ in Int(octets.length) }
    var onFinished: (ByteStream) -> Void = { $0.close() }
    var onWritable: (ByteStream) -> Void = { _ in }
    var onEnded: (StreamEnd) -> Void = { _ in }

    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int { onReceived(octets, stream) }
    func finished(_ stream: ByteStream) { onFinished(stream) }
    func writable(_ stream: ByteStream) { onWritable(stream) }
    func ended(_ stream: ByteStream, _ reason: StreamEnd) { onEnded(reason) }
}

extension LaneGroup {
    /// A listener on any port of which one candidate takes every stream.
    func listen(
        limits: StreamLimits = StreamLimits(), tls: TLSServerContext? = nil,
        _ accept: @escaping @Sendable (ByteStream) -> any StreamHandler
    ) throws -> StreamListener {
        try listen(
            StreamOptions(Endpoint("127.0.0.1:0")!, tls: tls, limits: limits),
            candidates: [StreamCandidate(accept: accept)])
    }
}
