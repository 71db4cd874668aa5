#if os(Linux)
import CLinux
import Glibc
import LocalBridge
import Wire

/// The loop of a virtual router over libslirp: one hub port at one side, sockets of this process at the
/// other.
@safe final class UserRouter: NATThread.Body {
    /// The stack's table of neighbours has 16 entries: more answers at once would push each other out.
    static let maxAnswersAtOnce = 8
    static let portCapacity = 1 << 20

    private var router: VirtualRouter
    private let stack: SlirpStack
    private let port: FrameDevice
    private let ledger: Ledger
    private let batch = FrameBatch()
    private let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FrameBatch.frameCapacity, alignment: 16)
    private var traffic = SecureNAT.Traffic()
    private var now = Moment.now
    private var isOpen = true
    /// A frame was lost for lack of room: nothing more is read from sockets until the hub has taken most.
    private var isFull = false

    /// Takes over `port`.
    init(_ router: VirtualRouter, _ stack: SlirpStack, port: FrameDevice, _ ledger: Ledger) {
        self.router = router
        self.stack = stack
        self.port = port
        self.ledger = ledger
        unsafe stack.onFrame = { [unowned self] in unsafe receivedFromStack($0) }
    }

    deinit { unsafe scratch.deallocate() }

    func run(stop: Int32) {
        router.announce()
        drain()
        while wait(stop: stop) {
            stack.poll(failed: isFull)
            if isOpen { receiveFromHub() }
            router.handleTimeout(at: now)
            drain()
            report()
        }
        port.close()
    }

    /// False when it is time to end.
    private func wait(stop: Int32) -> Bool {
        let hub = isOpen ? port.descriptor : -1
        stack.polls.removeAll(keepingCapacity: true)
        for descriptor in [stop, hub] {
            stack.polls.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        }
        if isFull { stack.polls[1].events |= Int16(POLLOUT) }
        let timeout = stack.fill(timeout: now.milliseconds(until: router.deadline))
        let count = isFull ? 2 : stack.polls.count
        let result = unsafe poll(&stack.polls, nfds_t(count), timeout)
        if result < 0 { for index in stack.polls.indices { stack.polls[index].revents = 0 } }
        if stack.polls[1].revents & Int16(POLLOUT) != 0 || !isOpen { isFull = false }
        now = .now
        return stack.polls[0].revents == 0
    }

    private func receiveFromHub() {
        guard stack.polls[1].revents != 0 else { return }
        guard case .frames(let count) = batch.receive(from: port.descriptor) else {
            isOpen = false
            return
        }
        router.natHasRoom = stack.hasRoom
        router.reserved = ledger.reserved
        for index in 0..<count {
            let frame = unsafe batch[index]
            traffic.framesFromHub &+= 1
            var bytes = unsafe MutableRawSpan(_unsafeBytes: frame)
            guard router.receivedFromHub(&bytes, at: now) == .forward else { continue }
            unsafe stack.input(UnsafeRawBufferPointer(frame))
        }
    }

    private func receivedFromStack(_ sent: UnsafeRawBufferPointer) {
        guard unsafe sent.count <= scratch.count else { return }
        unsafe scratch.copyMemory(from: sent)
        let frame = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<sent.count])
        var bytes = unsafe MutableRawSpan(_unsafeBytes: frame)
        if router.receivedFromNAT(&bytes, at: now) == .forward { sendToHub(bytes.bytes) }
    }

    private func sendToHub(_ frame: RawSpan) {
        if port.send(frame) {
            traffic.framesToHub &+= 1
        } else {
            traffic.framesLost &+= 1
            isFull = isOpen
        }
    }

    private func drain() {
        var answers = 0
        var isRecorded = true
        while let output = router.nextOutput() {
            switch output {
            case .leaseChanged(let record):
                isRecorded = ledger.keep(record)
                if !isRecorded { traffic.leasesNotKept &+= 1 }
            case .sendToHub(let frame):
                if isRecorded { sendToHub(frame.rawSpan) }
                isRecorded = true
            case .sendToNAT(let frame):
                unsafe frame.withUnsafeBytes { unsafe stack.input($0) }
                answers += 1
                if answers % Self.maxAnswersAtOnce == 0 { stack.flush() }
            }
        }
        guard answers % Self.maxAnswersAtOnce != 0 else { return }
        stack.flush()
        drain()
    }

    private func report() {
        traffic.sockets = stack.sockets
        traffic.drops = router.drops
        traffic.silences = router.dhcp.server.silences
        ledger.update(traffic)
    }
}
#endif
