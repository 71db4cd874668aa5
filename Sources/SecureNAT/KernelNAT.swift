#if os(Linux)
import CLinux
import CNftables
import Glibc
import LocalBridge
import Synchronization
import Wire

/// What is changed in the kernel for one hub's NAT, and changed back.
final class KernelNAT: Sendable {
    /// Its forwarding is one setting for all hubs; it is switched back with the last.
    private static let forwarding = Mutex<(users: Int, wasOff: Bool)>((0, false))
    private static let forwardingPath = "/proc/sys/net/ipv4/ip_forward"

    let tap: FrameDevice
    let objects: KernelObjects
    private let heldPort: Int32

    init(_ objects: KernelObjects, _ network: IPv4Subnet, mac: MACAddress) throws {
        self.objects = objects
        if let interface = HostNetworks.interface(overlapping: network, except: objects.interface) {
            throw SecureNATError.networkInUse(network, interface: interface)
        }
        tap = try LocalBridge.openTAP(
            objects.interface, LocalBridge.TAPSettings(address: network, mac: mac, mtu: 1500))
        // Where the host has no IPv6 at all there is no such file.
        _ = TextFile.write("1", to: "/proc/sys/net/ipv6/conf/\(objects.interface)/disable_ipv6")
        // A renewal sent to the router's address must not be told that nobody listens there.
        heldPort = unsafe bridge_hold_udp_port(objects.interface, DHCPMessage.serverPort)
        guard heldPort >= 0 else {
            throw SecureNATError.failed(
                "hold the DHCP port of \"\(objects.interface)\"", reason: "errno \(-heldPort)")
        }
        do {
            try Self.run(objects.install(network))
            try Self.enableForwarding()
        } catch {
            close(heldPort)
            try? Self.run(objects.remove)
            throw error
        }
    }

    /// Leaves the TAP device to its owner.
    func remove() {
        close(heldPort)
        try? Self.run(objects.remove)
        Self.disableForwarding()
    }

    private static func run(_ commands: String) throws {
        var error = [CChar](repeating: 0, count: 512)
        guard unsafe nftables_run(commands, &error, error.count) != 0 else { return }
        let text = error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let reason = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).first
        throw SecureNATError.failed(
            "set the rules of nftables", reason: reason.map(String.init) ?? "not permitted")
    }

    private static func enableForwarding() throws {
        try forwarding.withLock { forwarding in
            if forwarding.users == 0 {
                forwarding.wasOff = TextFile.read(forwardingPath)?.first == "0"
                if forwarding.wasOff, !TextFile.write("1", to: forwardingPath) {
                    throw SecureNATError.failed(
                        "switch on forwarding", reason: "\(forwardingPath) is not writable")
                }
            }
            forwarding.users += 1
        }
    }

    private static func disableForwarding() {
        forwarding.withLock { forwarding in
            forwarding.users -= 1
            if forwarding.users == 0, forwarding.wasOff { _ = TextFile.write("0", to: forwardingPath) }
        }
    }
}

extension SecureNAT {
    func openKernel() throws -> (FrameDevice, Running) {
        let resolvers = Self.resolvers()
        let dhcp = DHCPPort(try server(nameServers: resolvers), mac: mac)
        let kernel = try KernelNAT(KernelObjects(hub: settings.hub), settings.network, mac: mac)
        do {
            let thread = try NATThread(KernelDHCP(dhcp, socket: kernel.openDHCPSocket(), ledger))
            return (
                kernel.tap,
                Running(
                    nameServers: resolvers,
                    stop: {
                        thread.stop()
                        kernel.remove()
                    })
            )
        } catch {
            kernel.remove()
            throw error
        }
    }

    /// What the host itself asks; where that is a cache at a loopback address, what systemd-resolved asks.
    private static func resolvers() -> [IPv4Address] {
        for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
            let reachable = TextFile.read(path).map { Resolvers(parsing: $0).reachable } ?? []
            if !reachable.isEmpty { return reachable }
        }
        return []
    }
}

extension KernelNAT {
    func openDHCPSocket() throws -> FrameDevice {
        let name = objects.interface
        guard let index = try Interface(name).index else {
            throw BridgeError.noSuchInterface(name, existing: Interface.names())
        }
        let descriptor = bridge_open_dhcp_socket(index)
        guard descriptor >= 0 else {
            throw SecureNATError.failed("hear DHCP on \"\(name)\"", reason: "errno \(-descriptor)")
        }
        return FrameDevice(kind: .networkInterface, name: name, mtu: tap.mtu, owning: descriptor)
    }
}
#endif
