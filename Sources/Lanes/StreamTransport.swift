import CLinux
import PluginABI

/// What came of an attempt to move octets.
enum Transfer {
    case moved(Int)
    /// Nothing now; try again when the descriptor is ready for this.
    case blocked(Readiness)
    /// The peer sends no more.
    case finished
    case failed(String)
}

/// How octets travel between a stream and its descriptor: as they are, or through TLS.
class StreamTransport {
    final let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// `.moved(0)` when it is complete.
    func handshake() -> Transfer { .moved(0) }
    func read(into start: UnsafeMutablePointer<UInt8>, capacity: Int) -> Transfer { .finished }
    /// Takes a prefix of the slices' octets. Octets that were refused must be the next ones that are tried.
    func write(_ slices: UnsafeBufferPointer<pa_slice_v1>, scratch: UnsafeMutablePointer<UInt8>) -> Transfer {
        .finished
    }
    /// Tells the peer that we send no more.
    func finish() { clinux_stream_finish(descriptor) }
    /// Octets were received that the descriptor will not report again.
    var hasBuffered: Bool { false }
    var tls: TLSParameters? { nil }

    final func close(isReset: Bool) {
        if isReset { clinux_stream_reset(descriptor) } else { clinux_close(descriptor) }
    }
}

/// Plain TCP.
final class TCPTransport: StreamTransport {
    override func read(into start: UnsafeMutablePointer<UInt8>, capacity: Int) -> Transfer {
        let count = unsafe clinux_stream_read(descriptor, start, UInt64(capacity))
        return count == 0 ? .finished : TCPTransport.transfer(count, blockedOn: .readable)
    }

    override func write(
        _ slices: UnsafeBufferPointer<pa_slice_v1>, scratch: UnsafeMutablePointer<UInt8>
    ) -> Transfer {
        let count = unsafe clinux_stream_write(descriptor, slices.baseAddress, UInt32(slices.count))
        return TCPTransport.transfer(count, blockedOn: .writable)
    }

    private static func transfer(_ result: Int64, blockedOn readiness: Readiness) -> Transfer {
        if result >= 0 { return .moved(Int(result)) }
        if clinux_is_retry(result) != 0 { return .blocked(readiness) }
        return .failed(unsafe String(cString: clinux_error_text(Int32(-result))))
    }
}
