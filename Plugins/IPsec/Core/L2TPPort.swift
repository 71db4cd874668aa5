import EngineParts
import PluginABI
import Wire

/// UDP to and from port 1701. The checksum is not computed: ESP says more than it could (RFC 3948 §3.1.2),
/// and zero means that there is none.
enum L2TPPort {
    static let headerLength = 8
    private static let number: UInt16 = 1701

    /// Takes the payload out of a datagram for our port. Nil: it is none; else the peer's port.
    static func open(_ slice: inout pa_slice_v1) -> UInt16? {
        let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        guard bytes.byteCount >= headerLength, bytes.bigEndian(at: 2, as: UInt16.self) == number else {
            return nil
        }
        let length = Int(bytes.bigEndian(at: 4, as: UInt16.self))
        guard length >= headerLength, length <= bytes.byteCount else { return nil }
        let port: UInt16 = bytes.bigEndian(at: 0)
        let behind = bytes.byteCount - length
        unsafe slice.dropLast(behind)
        unsafe slice.dropFirst(headerLength)
        return port
    }

    /// The caller has seen that there is room.
    static func seal(_ slice: inout pa_slice_v1, to port: UInt16) {
        unsafe slice.extendFront(headerLength)
        let start = unsafe UnsafeMutableRawPointer(slice.start)
        guard let start = unsafe start else { return }
        let length = UInt16(truncatingIfNeeded: unsafe slice.length)
        unsafe start.storeBytes(of: number.bigEndian, as: UInt16.self)
        unsafe start.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        unsafe start.storeBytes(of: length.bigEndian, toByteOffset: 4, as: UInt16.self)
        unsafe start.storeBytes(of: 0, toByteOffset: 6, as: UInt16.self)
    }
}
