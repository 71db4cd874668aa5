public import LocalBridge
import Synchronization
public import Wire

/// The virtual router of one hub that has no LAN behind it: a DHCP server whose leases outlive the process,
/// and NAT by libslirp or by the kernel. It is the gateway of its own hub alone.
///
/// May be used on any thread; `start` and `stop` may wait for a moment and are not for a lane.
public final class SecureNAT: Sendable {
    public enum Engine: String, Sendable, CaseIterable {
        /// libslirp: needs no privileges, and clients' connections become sockets of this process.
        case user
        /// A TAP device, forwarding and nftables: needs CAP_NET_ADMIN and CAP_NET_RAW.
        case kernel
    }

    public struct Settings: Equatable, Sendable {
        /// Names the kernel's objects, and makes the router's MAC.
        public var hub: String
        /// The router's address on the hub, and the network.
        public var network: IPv4Subnet
        public var engine: Engine
        /// nil: a part of the network, see `DHCPSettings`.
        public var pool: AddressRange?
        public var leaseTime: Duration = .seconds(7200)
        public var domainName = ""

        public init(hub: String, network: IPv4Subnet, engine: Engine) {
            self.hub = hub
            self.network = network
            self.engine = engine
        }
    }

    /// Counters since the start, and what is open now.
    public struct Traffic: Equatable, Sendable {
        public var framesFromHub: UInt64 = 0
        public var framesToHub: UInt64 = 0
        /// The hub's side was full.
        public var framesLost: UInt64 = 0
        public var sockets = 0
        public var leasesNotKept = 0
        public var drops: [VirtualRouter.Drop: Int] = [:]
        public var silences: [DHCPServer.Silence: Int] = [:]
    }

    public struct Status: Equatable, Sendable {
        public var isRunning: Bool
        public var mac: MACAddress
        public var pool: AddressRange
        public var nameServers: [IPv4Address]
        /// Leases that hold now, in the order of addresses.
        public var leases: [LeaseRecord]
        /// As they were told to `reserve`.
        public var reserved: Set<IPv4Address>
        public var traffic: Traffic
    }

    public let settings: Settings
    let ledger: Ledger
    private let running = Mutex<Running?>(nil)
    struct Running: Sendable {
        var nameServers: [IPv4Address]
        var stop: @Sendable () -> Void
    }

    /// `leases`: what was kept. `persist` is called on the router's thread for each change, before the client
    /// is told; if it throws, the client is not told. It must not call this object.
    public init(
        _ settings: Settings, leases: [LeaseRecord] = [],
        persist: @escaping @Sendable (LeaseRecord) throws -> Void
    ) throws(SecureNATError) {
        self.settings = settings
        ledger = Ledger(leases, persist: persist)
        _ = try dhcpSettings(nameServers: [])
    }

    deinit { stop() }

    /// Gives the devices that are to become ports of the hub. They are the caller's, who closes them after
    /// `stop`.
    public func start() throws -> [FrameDevice] {
        try running.withLock { running in
            guard running == nil else { throw SecureNATError.alreadyStarted }
            let (device, started) = try open()
            running = started
            return [device]
        }
    }

    /// The addresses that are not lent, from the next message of a client on: those that users have for good.
    /// Who has leased one of them keeps it until the lease is to be renewed.
    public func reserve(_ addresses: Set<IPv4Address>) { ledger.reserved = addresses }

    /// Ends the thread and takes back what was changed in the kernel. Again: does nothing.
    public func stop() {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        ending?.stop()
    }

    public var status: Status {
        let running = running.withLock { $0 }
        return Status(
            isRunning: running != nil, mac: mac,
            pool: settings.pool ?? DHCPSettings.defaultPool(of: settings.network),
            nameServers: running?.nameServers ?? [], leases: leases, reserved: ledger.reserved,
            traffic: ledger.traffic)
    }

    /// Locally administered, and the same after a restart: the first 40 bits of FNV-1a over the hub's name.
    public var mac: MACAddress { MACAddress(0x5e00_0000_0000 | KernelObjects.hash(settings.hub) >> 24) }
}

#if os(Linux)
extension SecureNAT {
    /// Leases that hold now, in the order of addresses.
    public var leases: [LeaseRecord] {
        let now = Moment.now.wallClock
        return ledger.records.filter { $0.state == .bound && $0.expiresAt > now }
    }

    private func open() throws -> (FrameDevice, Running) {
        switch settings.engine {
        case .user: try openUser()
        case .kernel: try openKernel()
        }
    }

    private func openUser() throws -> (FrameDevice, Running) {
        let server = try server(nameServers: [settings.network.address])
        let mtu = 1500
        guard
            let stack = SlirpStack(router: settings.network, mtu: mtu)
        else { throw SecureNATError.failed("start libslirp", reason: "it refused its configuration") }
        let (hubEnd, ownEnd) = try FrameDevice.pair(
            named: "virtual router of \(settings.hub)", mtu: mtu, capacity: UserRouter.portCapacity)
        let router = UserRouter(VirtualRouter(server, mac: mac), stack, port: ownEnd, ledger)
        let thread = try NATThread(router)
        return (hubEnd, Running(nameServers: server.settings.nameServers, stop: { thread.stop() }))
    }

    func server(nameServers: [IPv4Address]) throws -> DHCPServer {
        DHCPServer(try dhcpSettings(nameServers: nameServers), restoring: ledger.records, at: .now)
    }
}
#else
extension SecureNAT {
    public var leases: [LeaseRecord] { ledger.records.filter { $0.state == .bound } }
    private func open() throws -> (FrameDevice, Running) { throw SecureNATError.unsupportedSystem }
}
#endif

extension SecureNAT {
    func dhcpSettings(nameServers: [IPv4Address]) throws(SecureNATError) -> DHCPSettings {
        var dhcp = try DHCPSettings(network: settings.network, pool: settings.pool)
        dhcp.leaseTime = settings.leaseTime
        dhcp.domainName = settings.domainName
        dhcp.nameServers = nameServers
        return dhcp
    }
}
