import CLinux
public import PluginABI
import Wire

/// What a stream may use.
public struct StreamLimits: Sendable {
    /// Octets that a handler may leave unconsumed; at most 128 KiB.
    public var unread: Int
    /// Octets that wait for the peer to take them.
    public var queued: Int
    /// How long the last octets may take after `close`.
    public var linger: Duration

    public init(unread: Int = 96 << 10, queued: Int = 1 << 20, linger: Duration = .seconds(10)) {
        self.unread = min(unread, StreamBuffer.octets / 2)
        self.queued = queued
        self.linger = linger
    }
}

/// A TCP connection, with or without TLS ended by the host.
///
/// Writing queues slices, which stay where they are until the turn ends and must not be changed before; what
/// the kernel does not take then is copied. A write is taken as a whole or refused as a whole, so that a
/// message is never cut. The stream lives until its handler's `ended`, also when nobody keeps it.
///
/// @unchecked Sendable: all but `remote` and `local` is confined to the thread of the stream's lane, and
/// moving to another lane passes through that lane's inbox.
@safe public final class ByteStream: EventSource, @unchecked Sendable {
    /// [lane] The lane that it belongs to now.
    public internal(set) unowned var lane: Lane
    public let remote: Endpoint
    public let local: Endpoint
    public let limits: StreamLimits

    /// [lane] False stops reading, so that the kernel slows the peer down.
    public var isReading = true {
        didSet { if isReading != oldValue { readingChanged() } }
    }

    enum Phase {
        case handshaking, open
        /// Closed by us: what is queued still leaves.
        case closing
        /// All has left; the peer's octets are thrown away until it has read ours and closes.
        case draining
        case closed
    }

    var phase = Phase.handshaking
    var handler: (any StreamHandler)?
    let transport: StreamTransport
    var unread = ByteQueue()
    var output: StreamOutput
    var end: StreamEnd?
    var isPeerFinished = false
    var finishesWriting = false
    var hasFinishedWriting = false
    var wantsWritable = false
    var retryWhenWritable = false
    var watched: Readiness = []
    var drained = 0
    var isReset = false
    var lingerTimer: TimerID?
    var resumeTimer: TimerID?
    var roomTimer: TimerID?
    var move: Move?

    struct Move {
        let lane: Lane
        let rest: [UInt8]
        let handler: @Sendable (ByteStream) -> any StreamHandler
    }

    init(_ transport: StreamTransport, remote: Endpoint, local: Endpoint, limits: StreamLimits, on lane: Lane)
    {
        self.transport = transport
        self.remote = remote
        self.local = local
        self.limits = limits
        self.lane = lane
        output = StreamOutput()
    }

    /// [lane] What TLS agreed on; nil for plain TCP.
    public var tls: TLSParameters? { transport.tls }

    /// [lane] Octets that were written and that the kernel did not take yet.
    public var queuedOctets: Int { output.octets }

    override func ready(_ readiness: Readiness) {
        continueHandshake()
        if phase == .handshaking || phase == .closed { return }
        // Nobody reads a closing stream, and the kernel would report its end for ever.
        if phase == .closing, readiness.contains(.hangup) { return fail(.closed, resets: true) }
        if readiness.contains(.writable) { flush() }
        if !readiness.isDisjoint(with: [.readable, .hangup]) || retryWhenWritable { receive(readiness) }
        updateInterest()
    }

    override func flush() {
        sendOutput()
        if output.octets > limits.queued / 2 { wantsWritable = true }
        announceRoom()
        updateInterest()
    }

    override func retire() {
        if let move { return leave(for: move) }
        guard let end else { return }
        if phase == .closed {
            cancelTimers()
            lane.detach(self, descriptor: transport.descriptor)
            if !isDescriptorClosed { transport.close(isReset: isReset) }
            isDescriptorClosed = true
        }
        guard let handler else { return }
        self.handler = nil
        handler.ended(self, end)
    }

    override func laneStops() {
        if end == nil { end = .laneStopped }
        move = nil
        sendOutput()
        if phase == .open { transport.finish() }
        phase = .closed
        retire()
    }

    private var isDescriptorClosed = false
}

// MARK: What handlers use

extension ByteStream {
    /// [lane] Queues the slices, all or none: false when the queue would exceed its limit; then `writable`
    /// tells when to try again.
    @discardableResult
    public func write(_ slices: UnsafeBufferPointer<pa_slice_v1>) -> Bool {
        assert(lane.isCurrent)
        guard phase == .open, !finishesWriting, move == nil else { return false }
        var octets = 0
        for position in slices.indices { octets += Int(unsafe slices[position].length) }
        if output.octets + octets > limits.queued { sendOutput() }
        guard phase == .open, output.octets + octets <= limits.queued else {
            wantsWritable = phase == .open
            return false
        }
        for position in slices.indices {
            if output.isFull { sendOutput() }
            unsafe output.append(slices[position])
        }
        lane.markDirty(self)
        return true
    }

    /// [lane] Queues one slice.
    @discardableResult
    public func write(_ slice: pa_slice_v1) -> Bool {
        unsafe withUnsafePointer(to: slice) { unsafe write(UnsafeBufferPointer(start: $0, count: 1)) }
    }

    /// [lane] Has the handler's `writable` called as after a write that was refused, for one who could not
    /// even write.
    public func announceNextRoom() {
        guard phase == .open, move == nil else { return }
        wantsWritable = true
        lane.markDirty(self)
    }

    /// [lane] Half close: the peer hears the end of the stream once everything queued has left.
    public func finishWriting() {
        finishesWriting = true
        lane.markDirty(self)
    }

    /// [lane] Ends the stream; what is queued still leaves, within the limit's linger time.
    public func close() {
        assert(lane.isCurrent)
        guard end == nil, move == nil else { return }
        guard phase == .open else { return fail(.closed) }
        end = .closed
        phase = .closing
        unread.removeAll()
        lingerTimer = lane.schedule(
            at: lane.now.advanced(by: limits.linger), target: self, token: Deadline.linger.rawValue)
        lane.markDirty(self)
        lane.retireAfterTurn(self)
    }

    /// [lane] Ends the stream at once; what is queued is lost and the peer hears a reset.
    public func reset() {
        assert(lane.isCurrent)
        fail(.closed, resets: true)
    }

    /// [lane] Gives the stream to another lane. The present handler hears nothing more; the new one, made
    /// there, gets `rest`, and behind it what this one did not consume.
    public func move(
        to lane: Lane, rest: [UInt8] = [], handler: @escaping @Sendable (ByteStream) -> any StreamHandler
    ) {
        assert(self.lane.isCurrent)
        guard phase == .open, end == nil, move == nil else { return }
        self.handler = nil
        move = Move(lane: lane, rest: rest, handler: handler)
        self.lane.retireAfterTurn(self)
    }

    /// [lane] Gives the stream to another handler of the same lane, which gets what this one did not consume.
    public func setHandler(_ handler: any StreamHandler) {
        assert(lane.isCurrent)
        self.handler = handler
        if end == nil { resumeSoon() }
    }
}
