import EngineParts
import PluginABI
import Wire

/// Ethernet frames behind two octets, RFC 3378 §4.
///
///     | version (4 bits) = 3 | reserved (12 bits) = 0 | frame
enum EtherIP {
    static let headerLength = 2
    private static let header: (UInt8, UInt8) = (0x30, 0)

    /// Takes the frame out of a packet. False: it is none.
    static func open(_ slice: inout pa_slice_v1) -> Bool {
        guard unsafe Int(slice.length) >= headerLength + EthernetFrame.headerLength,
            let start = unsafe slice.start, unsafe start[0] == header.0, unsafe start[1] == header.1
        else { return false }
        unsafe slice.dropFirst(headerLength)
        return true
    }

    /// Makes a packet of a frame. False: there is no room.
    static func seal(_ slice: inout pa_slice_v1) -> Bool {
        guard unsafe Int(slice.headroom) >= headerLength else { return false }
        unsafe slice.extendFront(headerLength)
        unsafe slice.start[0] = header.0
        unsafe slice.start[1] = header.1
        return true
    }
}
