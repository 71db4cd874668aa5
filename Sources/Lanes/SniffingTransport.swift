import CLinux
import PluginABI

/// TLS where the peer begins with a TLS record, and plain TCP where it does not: for ports on which both are
/// expected. It has to be a peer that speaks first.
final class SniffingTransport: StreamTransport {
    private let context: TLSServerContext
    private var chosen: StreamTransport?

    /// Of a record that carries a handshake, RFC 8446 §5.1.
    private static let handshakeType: Int64 = 22

    init(_ context: TLSServerContext, descriptor: Int32) {
        self.context = context
        super.init(descriptor: descriptor)
    }

    override func handshake() -> Transfer {
        if let chosen { return chosen.handshake() }
        let first = clinux_stream_peek(descriptor)
        if clinux_is_retry(first) != 0 { return .blocked(.readable) }
        if first == Self.handshakeType {
            chosen = TLSTransport(context, descriptor: descriptor)
        } else {
            chosen = TCPTransport(descriptor: descriptor)
        }
        return chosen?.handshake() ?? .failed("no memory for TLS")
    }

    override func read(into start: UnsafeMutablePointer<UInt8>, capacity: Int) -> Transfer {
        unsafe chosen?.read(into: start, capacity: capacity) ?? .finished
    }

    override func write(
        _ slices: UnsafeBufferPointer<pa_slice_v1>, scratch: UnsafeMutablePointer<UInt8>
    ) -> Transfer {
        unsafe chosen?.write(slices, scratch: scratch) ?? .finished
    }

    override func finish() { chosen?.finish() }
    override var hasBuffered: Bool { chosen?.hasBuffered ?? false }
    override var tls: TLSParameters? { chosen?.tls }
}
