import ControlRequests
import Foundation

/// A bound Unix socket that nobody but the owner may connect to, at no moment: the mode is set before the
/// name is there.
func ownSocket(at path: String) throws(ControlError) -> CInt {
    var address = sockaddr_un()
    let capacity = MemoryLayout.size(ofValue: address.sun_path) - 1
    guard path.utf8.count <= capacity else {
        throw ControlError(
            .invalid,
            "\(path) is too long for a socket: a state directory whose path has up to "
                + "\(capacity - ControlServer.socketName.utf8.count - 1) bytes is accepted")
    }
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0, fchmod(descriptor, 0o600) == 0 else {
        throw ControlError(.storage, "no socket can be made: \(unsafe String(cString: strerror(errno)))")
    }
    _ = unsafe unlink(path)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard result == 0 else {
        let code = errno
        close(descriptor)
        throw ControlError(.storage, "\(path) cannot be bound: \(unsafe String(cString: strerror(code)))")
    }
    return descriptor
}
