#if os(Linux)
import Glibc
import LocalBridge
import NetworkNamespace

/// Three network namespaces: the server's, which is this thread's; a client's, at whose interface `hub0` a
/// hub of one port ends; and an outside with a web server, 198.51.100.2, that has no route to the clients.
final class Site {
    static let web = "198.51.100.2"
    static let page = "polyhub-page"

    let client: String
    private let outside: String
    private let port: FrameDevice
    private var devices: [FrameDevice] = []
    /// Counts the namespaces of this process; tests of the suite run one after another.
    private nonisolated(unsafe) static var number = 0

    /// Runs `body` in the server's namespace and clears up after it.
    static func run(_ body: @escaping @Sendable (Site) throws -> Void) throws {
        try NetworkNamespace.run {
            let site = try Site()
            defer { site.remove() }
            try body(site)
        }
    }

    private init() throws {
        Self.number += 1
        client = "phnat-\(getpid())-c\(Self.number)"
        outside = "phnat-\(getpid())-o\(Self.number)"
        for namespace in [client, outside] {
            try NetworkNamespace.ip("netns add \(namespace)")
            try NetworkNamespace.ip("-n \(namespace) link set lo up")
        }
        for command in [
            "link set lo up", "link add up0 type veth peer name out0 netns \(outside)",
            "address add 198.51.100.1/24 dev up0", "link set up0 up",
            "-n \(outside) address add \(Self.web)/24 dev out0", "-n \(outside) link set out0 up",
        ] { try NetworkNamespace.ip(command) }
        port = try LocalBridge.openTAP("hub0")
        try NetworkNamespace.ip("link set hub0 netns \(client)")
        try NetworkNamespace.ip("-n \(client) link set hub0 up")
        system("mkdir -p /tmp/\(outside) && echo \(Self.page) > /tmp/\(outside)/index.html")
        system("head -c 20000000 /dev/zero > /tmp/\(outside)/big")
        system("ip netns exec \(outside) busybox httpd -p \(Self.web):80 -h /tmp/\(outside)")
    }

    /// Starts a service of the server's host; it ends with the site.
    func serve(_ command: String) {
        system("\(command) > /dev/null 2>&1 & echo $! >> /tmp/\(outside)/services")
    }

    private func remove() {
        system("test -f /tmp/\(outside)/services && kill $(cat /tmp/\(outside)/services)")
        for namespace in [client, outside] {
            system("for pid in $(ip netns pids \(namespace)); do kill $pid; done; ip netns del \(namespace)")
        }
        system("rm -r /tmp/\(outside)")
        devices.forEach { $0.close() }
    }

    /// Connects a router's device to the hub, until another takes its place.
    func attach(_ devices: [FrameDevice]) { self.devices = devices }

    /// Runs a command of the client while the hub carries frames; its output, and its exit status as last
    /// line.
    func run(_ command: String) -> String {
        let pipe = popen("ip netns exec \(client) timeout 60 sh -c '\(command)' 2>&1; echo status $?", "r")!
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 4096)
        let hub = devices[0]
        while true {
            var polls = [fileno(pipe), hub.descriptor, port.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            poll(&polls, nfds_t(polls.count), -1)
            if polls[1].revents != 0 { carry(hub, port) }
            if polls[2].revents != 0 { carry(port, hub) }
            guard polls[0].revents != 0 else { continue }
            let count = read(fileno(pipe), &bytes, bytes.count)
            if count <= 0 { return String(decoding: output, as: UTF8.self) }
            output += bytes[..<count]
        }
    }

    private func carry(_ source: FrameDevice, _ destination: FrameDevice) {
        var buffer = [UInt8](repeating: 0, count: 2048)
        while let count = buffer.withUnsafeMutableBytes({ source.receive(into: $0) }) {
            var frame = Array(buffer[..<count])
            frame.reserveCapacity(count)
            _ = destination.send(frame.span.bytes)
        }
    }

    /// Leases an address for `hub0` by DHCP; what udhcpc and its script say.
    func lease() -> String {
        run("busybox udhcpc -i hub0 -n -q -f -t 5 -T 1 -s \(script)")
    }

    private var script: String {
        let path = "/tmp/\(outside)/udhcpc"
        let text = #"""
            #!/bin/sh
            [ "$1" = bound ] || exit 0
            ip address flush dev hub0
            ip address add $ip/$mask dev hub0
            ip route add default via $router
            echo "ip=$ip/$mask router=$router dns=$dns lease=$lease"
            """#
        let file = fopen(path, "w")!
        fputs(text, file)
        fclose(file)
        chmod(path, 0o755)
        return path
    }
}
#endif
