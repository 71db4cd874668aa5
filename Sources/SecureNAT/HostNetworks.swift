#if os(Linux)
import Glibc
import Wire

/// The IPv4 networks that this host's interfaces are in.
enum HostNetworks {
    /// An interface other than `except` with an address in `network`, or in whose network it lies.
    static func interface(overlapping network: IPv4Subnet, except: String) -> String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return nil }
        defer { unsafe freeifaddrs(list) }
        var next = unsafe list
        while let entry = unsafe next?.pointee {
            unsafe next = entry.ifa_next
            let name = unsafe String(cString: entry.ifa_name)
            guard name != except, let other = unsafe subnet(entry) else { continue }
            if other.contains(network.address) || network.contains(other.address) { return name }
        }
        return nil
    }

    private static func subnet(_ entry: ifaddrs) -> IPv4Subnet? {
        guard let address = unsafe ipv4(entry.ifa_addr), let mask = unsafe ipv4(entry.ifa_netmask) else {
            return nil
        }
        return IPv4Subnet(address, mask: mask)
    }

    private static func ipv4(_ address: UnsafeMutablePointer<sockaddr>?) -> IPv4Address? {
        guard let address = unsafe address, unsafe Int32(address.pointee.sa_family) == AF_INET else {
            return nil
        }
        return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            unsafe IPv4Address(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
        }
    }
}
#endif
