#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Under which address this machine is known outside, as far as it can tell by itself.
enum HostAddress {
    /// The source address of the default route; nil without one. Nothing is sent.
    static var outgoing: String? {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM_TYPE), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = UInt16(9).bigEndian
        // TEST-NET-1, RFC 5737: connecting a datagram socket only asks for the route.
        target.sin_addr.s_addr = UInt32(0xc000_0201).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = unsafe withUnsafePointer(to: target) {
            unsafe connect(descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self), size)
        }
        var own = sockaddr_in()
        var length = size
        guard connected == 0,
            unsafe withUnsafeMutablePointer(
                to: &own,
                {
                    unsafe getsockname(
                        descriptor, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                        &length)
                }) == 0
        else { return nil }
        let bits = UInt32(bigEndian: own.sin_addr.s_addr)
        return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }

    #if canImport(Glibc)
    private static var SOCK_DGRAM_TYPE: UInt32 { SOCK_DGRAM.rawValue }
    #else
    private static var SOCK_DGRAM_TYPE: Int32 { SOCK_DGRAM }
    #endif
}
