import CLinux

/// Where a lane receives octets of streams and gathers them for TLS records.
@safe final class StreamBuffer {
    private let memory: UnsafeMutableRawPointer

    static let headroom = 256
    static let octets = 256 << 10
    static let tailroom = 256
    private static let total = headroom + octets + tailroom + TLSTransport.recordOctets

    init() {
        guard let pages = unsafe clinux_pages_map(UInt64(StreamBuffer.total)) else {
            fatalError("no memory for a lane")
        }
        unsafe memory = pages
    }

    deinit { unsafe clinux_pages_unmap(memory, UInt64(StreamBuffer.total)) }

    /// The first of `octets` octets.
    var start: UnsafeMutablePointer<UInt8> {
        unsafe (memory + StreamBuffer.headroom).assumingMemoryBound(to: UInt8.self)
    }

    /// Room for the plaintext of one record.
    var scratch: UnsafeMutablePointer<UInt8> {
        unsafe (memory + StreamBuffer.total - TLSTransport.recordOctets).assumingMemoryBound(to: UInt8.self)
    }
}
