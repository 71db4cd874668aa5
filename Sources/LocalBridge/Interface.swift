#if os(Linux)
import CLinux
import Glibc
public import Wire

/// A network interface of this host, by name. Each call is one or two ioctls; what fails throws a sentence.
public struct Interface: Sendable {
    public let name: String

    /// Throws only for a name that no interface can have.
    public init(_ name: String) throws(BridgeError) { self.name = try InterfaceName(name).text }

    /// The kernel's number; nil if there is no such interface now.
    public var index: Int32? {
        let index = unsafe if_nametoindex(name)
        return index == 0 ? nil : Int32(clamping: index)
    }

    public func mtu() throws(BridgeError) -> Int {
        let mtu = unsafe bridge_interface_mtu(name)
        try Self.check(mtu, "read the MTU of \"\(name)\"")
        return Int(mtu)
    }

    public func setMTU(_ mtu: Int) throws(BridgeError) {
        try Self.check(
            unsafe bridge_set_interface_mtu(name, Int32(clamping: mtu)),
            "set the MTU of \"\(name)\" to \(mtu)")
    }

    public func mac() throws(BridgeError) -> MACAddress {
        var octets = [UInt8](repeating: 0, count: 6)
        try Self.check(unsafe bridge_interface_mac(name, &octets), "read the MAC of \"\(name)\"")
        return MACAddress(octets.reduce(0) { $0 << 8 | UInt64($1) })
    }

    public func setMAC(_ mac: MACAddress) throws(BridgeError) {
        try Self.check(
            unsafe bridge_set_interface_mac(name, mac.octets), "set the MAC of \"\(name)\" to \(mac)")
    }

    public func setAddress(_ subnet: IPv4Subnet) throws(BridgeError) {
        try Self.check(
            unsafe bridge_set_interface_address(name, subnet.address.bits, subnet.mask.bits),
            "give \"\(name)\" the address \(subnet)")
    }

    public func bringUp() throws(BridgeError) {
        try Self.check(unsafe bridge_interface_up(name), "bring up \"\(name)\"")
    }

    /// The names of this host's interfaces, in the kernel's order.
    public static func names() -> [String] {
        guard let list = unsafe if_nameindex() else { return [] }
        defer { unsafe if_freenameindex(list) }
        var names: [String] = []
        var entry = unsafe list
        while let name = unsafe entry.pointee.if_name {
            unsafe names.append(String(cString: name))
            unsafe entry += 1
        }
        return names
    }
}

extension Interface {
    var isEthernet: Bool { unsafe bridge_interface_is_ethernet(name) }
    var hasAddress: Bool { unsafe bridge_interface_has_address(name) }
    var offloads: Offloads { Offloads(rawValue: unsafe bridge_offloads(name)) }

    func setOffloads(_ which: Offloads, on: Bool) {
        unsafe bridge_switch_offloads(name, which.rawValue, on)
    }

    func openTAP() throws(BridgeError) -> Int32 {
        let existed = index != nil
        let descriptor = unsafe bridge_open_tap(name)
        if descriptor >= 0 { return descriptor }
        switch -descriptor {
        case ENOENT, ENODEV, ENXIO: throw .noTunDevice
        case EBUSY where existed: throw .busy(name)
        case EINVAL where existed: throw .notTAP(name)
        case let error:
            try Self.check(-error, "open TAP device \"\(name)\"")
            return descriptor
        }
    }

    /// Throws for a negative errno.
    static func check(_ result: Int32, _ what: String, need: String = "CAP_NET_ADMIN") throws(BridgeError) {
        guard result < 0 else { return }
        switch -result {
        case EPERM, EACCES: throw .notPermitted(what, need: need)
        default: throw .system(what, errno: -result, reason: reason(-result))
        }
    }

    private static func reason(_ error: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        _ = unsafe strerror_r(error, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
#endif
