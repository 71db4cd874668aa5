import CZlib

/// Expands zlib streams (RFC 1950), each whole and by itself. Its memory is allocated once.
@safe public struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    public init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe polyhub_inflate_init(stream)
        precondition(status == Z_OK, "no memory for zlib")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// How many octets of `output` became of `input`; nil where that is no whole stream, has something behind
    /// it, or is larger than `output`.
    public mutating func inflate(_ input: RawSpan, into output: inout MutableRawSpan) -> Int? {
        guard unsafe inflateReset(stream) == Z_OK else { return nil }
        let stream = unsafe stream
        let status = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                unsafe stream.pointee.setPlaces(input, output)
                return unsafe CZlib.inflate(stream, Z_FINISH)
            }
        }
        let (left, room) = unsafe (stream.pointee.avail_in, stream.pointee.avail_out)
        guard status == Z_STREAM_END, left == 0 else { return nil }
        return output.byteCount - Int(room)
    }
}

extension z_stream {
    /// zlib does not write to the input.
    mutating func setPlaces(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) {
        let start = unsafe UnsafeMutableRawPointer(mutating: input.baseAddress)
        unsafe next_in = start?.assumingMemoryBound(to: UInt8.self)
        unsafe avail_in = UInt32(input.count)
        unsafe next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe avail_out = UInt32(output.count)
    }
}
