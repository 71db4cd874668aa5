import CZlib

/// Compresses to zlib streams (RFC 1950), each whole and by itself, as fast as zlib can. Its memory is
/// allocated once.
@safe public struct Deflater: ~Copyable {
    /// What a stream may be longer than its input where that cannot be compressed.
    public static let overhead = 32

    private let stream: UnsafeMutablePointer<z_stream>

    public init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe polyhub_deflate_init(stream, Z_BEST_SPEED)
        precondition(status == Z_OK, "no memory for zlib")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// How many octets of `output` became of `input`; nil where they are too few.
    public mutating func deflate(_ input: RawSpan, into output: inout MutableRawSpan) -> Int? {
        guard unsafe deflateReset(stream) == Z_OK else { return nil }
        let stream = unsafe stream
        let status = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                unsafe stream.pointee.setPlaces(input, output)
                return unsafe CZlib.deflate(stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END else { return nil }
        return unsafe output.byteCount - Int(stream.pointee.avail_out)
    }
}
