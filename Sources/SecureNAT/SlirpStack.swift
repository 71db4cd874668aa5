#if os(Linux)
import CSlirp
import Glibc
import Synchronization
import Wire

/// libslirp: a TCP/IP stack that ends the clients' connections and opens them anew as sockets of this
/// process. Used on one thread. Its tables of neighbours hold 16 entries, so it is shown one MAC; IPv6, DHCP
/// and TFTP are not used. Its name server is the router's address: what is asked there goes to the resolver
/// of /etc/resolv.conf.
@safe final class SlirpStack {
    /// At this number of sockets, or where those of all stacks are half of what the process may open, the
    /// router lets in nothing that might need another. libslirp itself has no limit; its UDP sockets expire
    /// after four minutes.
    static let maxSockets = 4096
    private static let socketsOfAll = Atomic(0)

    /// Gets each frame that the stack sends, valid during the call. Must not call the stack.
    var onFrame: (UnsafeRawBufferPointer) -> Void = { _ in }
    /// Open now, as the last `fill` saw it.
    var sockets: Int { connections.count + datagramSockets }
    var hasRoom: Bool {
        sockets < Self.maxSockets && Self.socketsOfAll.load(ordering: .relaxed) < limitOfAll
    }
    private let limitOfAll = openFileLimit / 2
    /// Its part of `socketsOfAll`.
    private var counted = 0
    /// libslirp tells of the sockets of TCP when they come and when they go, of others only when they go.
    private var connections: Set<Int32> = []
    private var datagramSockets = 0
    /// What the stack says that clients did wrong.
    private(set) var complaints = 0
    /// What is to be polled; those of the stack stand behind what the owner put there.
    var polls: [pollfd] = []
    private var slirp: OpaquePointer?
    /// Outlives the stack, which keeps a pointer to it.
    private let callbacks = UnsafeMutablePointer<SlirpCb>.allocate(capacity: 1)

    init?(router: IPv4Subnet, mtu: Int) {
        unsafe callbacks.initialize(to: Self.callbacks)
        let engine = VirtualRouter.engineAddress(in: router)
        var config = unsafe SlirpConfig()
        unsafe config.version = 4
        unsafe config.in_enabled = true
        unsafe config.vnetwork = in_addr(s_addr: router.network.bits.bigEndian)
        unsafe config.vnetmask = in_addr(s_addr: router.mask.bits.bigEndian)
        unsafe config.vhost = in_addr(s_addr: engine.bits.bigEndian)
        unsafe config.vnameserver = in_addr(s_addr: router.address.bits.bigEndian)
        unsafe config.if_mtu = mtu
        unsafe config.if_mru = mtu
        unsafe config.disable_host_loopback = true
        unsafe config.disable_dhcp = true
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        Self.creation.withLock { _ in
            unsafe slirp = slirp_new(&config, callbacks, context)
        }
        if unsafe slirp == nil { return nil }
    }

    deinit {
        if let slirp = unsafe slirp { unsafe slirp_cleanup(slirp) }
        unsafe callbacks.deallocate()
        Self.socketsOfAll.subtract(counted, ordering: .relaxed)
    }

    /// Adds the stack's sockets to `polls`; gives the milliseconds to wait at most.
    func fill(timeout: Int32) -> Int32 {
        datagramSockets = 0
        var milliseconds = timeout < 0 ? UInt32.max : UInt32(timeout)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe slirp_pollfds_fill(
            slirp, &milliseconds,
            { descriptor, events, context in
                let stack = unsafe SlirpStack.of(context)
                if !stack.connections.contains(descriptor) { stack.datagramSockets += 1 }
                let events = SlirpStack.map(events, SlirpStack.toPoll)
                stack.polls.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
                return Int32(stack.polls.count - 1)
            }, context)
        Self.socketsOfAll.add(sockets - counted, ordering: .relaxed)
        counted = sockets
        return Int32(clamping: milliseconds)
    }

    /// To be called after poll(2).
    func poll(failed: Bool) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe slirp_pollfds_poll(
            slirp, failed ? 1 : 0,
            { index, context in
                let stack = unsafe SlirpStack.of(context)
                guard stack.polls.indices.contains(Int(index)) else { return 0 }
                return SlirpStack.map(Int32(stack.polls[Int(index)].revents), SlirpStack.fromPoll)
            }, context)
    }

    /// Sends what waited for an answer to ARP.
    func flush() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe slirp_pollfds_poll(slirp, 0, { _, _ in 0 }, context)
    }

    func input(_ frame: UnsafeRawBufferPointer) {
        let bytes = unsafe frame.bindMemory(to: UInt8.self)
        unsafe slirp_input(slirp, bytes.baseAddress, Int32(bytes.count))
    }

    /// libslirp prepares itself once, and does not lock. Of what it shares later, its clock in milliseconds
    /// and the resolver's address, every stack would write the same.
    private static let creation = Mutex(())

    private static func of(_ context: UnsafeMutableRawPointer?) -> SlirpStack {
        unsafe Unmanaged<SlirpStack>.fromOpaque(context!).takeUnretainedValue()
    }

    private static var openFileLimit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    // MARK: bits of poll(2)

    private typealias Bits = [(Int32, Int32)]
    private static let toPoll: Bits = [
        (Int32(SLIRP_POLL_IN), POLLIN), (Int32(SLIRP_POLL_OUT), POLLOUT),
        (Int32(SLIRP_POLL_PRI), POLLPRI), (Int32(SLIRP_POLL_ERR), POLLERR),
        (Int32(SLIRP_POLL_HUP), POLLHUP),
    ]
    private static let fromPoll: Bits = toPoll.map { ($1, $0) }

    private static func map(_ bits: Int32, _ table: Bits) -> Int32 {
        table.reduce(0) { bits & $1.0 != 0 ? $0 | $1.1 : $0 }
    }

    // MARK: callbacks

    private static var callbacks: SlirpCb {
        var table = SlirpCb()
        unsafe table.send_packet = { bytes, count, context in
            unsafe SlirpStack.of(context).onFrame(UnsafeRawBufferPointer(start: bytes, count: count))
            return count
        }
        unsafe table.guest_error = { _, context in unsafe SlirpStack.of(context).complaints &+= 1 }
        unsafe table.clock_get_ns = { _ in Int64(bitPattern: Moment.now.instant.nanoseconds) }
        unsafe table.register_poll_fd = { descriptor, context in
            unsafe SlirpStack.of(context).connections.insert(descriptor)
        }
        unsafe table.unregister_poll_fd = { descriptor, context in
            unsafe SlirpStack.of(context).connections.remove(descriptor)
        }
        unsafe table.notify = { _ in }
        // Timers are for router advertisements, and IPv6 is off.
        unsafe table.timer_new = { _, _, _ in nil }
        unsafe table.timer_free = { _, _ in }
        unsafe table.timer_mod = { _, _, _ in }
        unsafe table.init_completed = { _, _ in }
        unsafe table.timer_new_opaque = { _, _, _ in nil }
        return table
    }
}
#endif
