import CLinux
public import PluginABI
public import Wire

/// Receives the frames of a device.
public protocol FrameHandler: AnyObject {
    /// [lane] At most 64 Ethernet frames, lent until the turn ends, to be changed in place. Each has room of
    /// 256 octets on both sides.
    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on port: FramePort)
    /// [lane] The last call: the lane uses the descriptor no more, so it may be closed. The error is nil
    /// after `close`, and the reason where the device ended by itself.
    func ended(_ port: FramePort, error: SocketError?)
}

/// A lane's hold on a device that reads and writes one whole Ethernet frame at a time.
///
/// Sending queues a descriptor; the frame stays where it is until the turn ends and must not be changed
/// before. A device that is down is tried again every second; one that was removed ends. Bounds: 1,024 queued
/// frames, then they leave early; what the device does not take is dropped and counted. The descriptor stays
/// the caller's.
@safe public final class FramePort: EventSource {
    public enum Kind: Sendable {
        /// Frames come by read(2).
        case tap
        /// An AF_PACKET socket with PACKET_AUXDATA.
        case packetSocket
        /// A datagram or SEQPACKET socket whose other end is in this process.
        case socketPair
    }

    public unowned let lane: Lane
    public let kind: Kind

    private let descriptor: Int32
    private let sending: Int32?
    /// Not 0 as long as the interface takes TCP segments that continue each other as one message.
    private var joins: Int32 = 1
    private var handler: (any FrameHandler)?
    private let queue: UnsafeMutablePointer<pa_slice_v1>
    private var queued = 0
    private var failure: SocketError?
    private var isEnding = false
    private var retry: TimerID?
    /// Since its last failure nothing has come.
    private var isSilent = false

    private static let capacity = 1024

    init(
        descriptor: Int32, sending: Int32?, kind: Kind, handler: any FrameHandler, on lane: Lane
    ) throws(SocketError) {
        self.lane = lane
        self.kind = kind
        self.descriptor = descriptor
        self.sending = sending
        self.handler = handler
        unsafe queue = .allocate(capacity: FramePort.capacity)
        super.init()
        try SocketError.check(clinux_set_nonblocking(descriptor), "use a frame device")
        try lane.attach(self, descriptor: descriptor, interest: .readable)
    }

    deinit { unsafe queue.deallocate() }

    /// [lane] Queues the frames.
    public func send(_ frames: UnsafeBufferPointer<pa_slice_v1>) {
        for position in frames.indices { unsafe send(frames[position]) }
    }

    /// [lane] Queues one frame.
    public func send(_ frame: pa_slice_v1) {
        assert(lane.isCurrent)
        guard handler != nil else { return }
        if queued == FramePort.capacity { flush() }
        unsafe queue[queued] = frame
        queued += 1
        lane.markDirty(self)
    }

    /// [lane] What was queued still leaves; then the handler hears that it ended.
    public func close() { end(nil) }

    override func ready(_ readiness: Readiness) {
        guard let handler else { return }
        let count = Int(unsafe clinux_frames_receive(lane.receiver, descriptor, kind.code, lane.counted))
        if count > 0 {
            isSilent = false
            unsafe handler.received(
                UnsafeMutableBufferPointer(start: clinux_frames(lane.receiver), count: count), on: self)
        } else if count < 0 || readiness.contains(.hangup) {
            if !endIfLost(Int32(count)) { rest() }
        }
    }

    override func flush() {
        let errors = unsafe lane.counted.pointee.unsent_error
        if let sending {
            unsafe clinux_segments_send(
                lane.sender, sending, &joins, queue, UInt32(queued), lane.counted)
        } else {
            unsafe clinux_frames_send(lane.sender, descriptor, kind.code, queue, UInt32(queued), lane.counted)
        }
        queued = 0
        if unsafe lane.counted.pointee.unsent_error != errors { endIfLost(0) }
    }

    override func retire() {
        lane.detach(self, descriptor: descriptor)
        guard let handler else { return }
        self.handler = nil
        handler.ended(self, error: failure)
    }

    private func end(_ error: SocketError?) {
        assert(lane.isCurrent)
        guard handler != nil, !isEnding else { return }
        isEnding = true
        failure = error
        if let retry { lane.cancel(retry) }
        lane.detach(self, descriptor: descriptor)
        lane.retireAfterTurn(self)
    }

    /// `result`: what was read last.
    @discardableResult
    private func endIfLost(_ result: Int32) -> Bool {
        let reason = clinux_frames_lost(descriptor, kind.code, result)
        if reason < 0 { end(SocketError(reason, "use a frame device")) }
        return reason < 0
    }

    /// The kernel reports a device that is down as ready without end.
    private func rest() {
        unsafe lane.counted.pointee.receive_errors += 1
        lane.detach(self, descriptor: descriptor)
        isSilent = true
        lookAgain()
    }

    private func lookAgain() {
        if let retry { lane.cancel(retry) }
        retry = lane.schedule(at: lane.now.advanced(by: .seconds(1)), target: self, token: 0)
    }
}

extension FramePort: TimerTarget {
    public func timerFired(_ token: UInt64, at now: Instant) {
        retry = nil
        guard handler != nil, !endIfLost(0) else { return }
        // A packet socket tells once that its interface went down, and not that it was then removed.
        if isSilent, kind == .packetSocket { lookAgain() }
        guard slot < 0 else { return }
        do {
            try lane.attach(self, descriptor: descriptor, interest: .readable)
        } catch {
            end(error)
        }
    }
}

extension FramePort.Kind {
    var code: UInt32 {
        switch self {
        case .tap: CLINUX_TAP
        case .packetSocket: CLINUX_PACKET
        case .socketPair: CLINUX_PAIR
        }
    }
}

extension Lane {
    /// [lane] Reads frames from the descriptor until the port is closed or ends. `sending`: a packet socket
    /// of the same interface by which they leave instead, with PACKET_VNET_HDR; the caller's, too.
    public func attachFrameDevice(
        descriptor: Int32, sending: Int32? = nil, kind: FramePort.Kind, handler: any FrameHandler
    ) throws(SocketError) -> FramePort {
        try FramePort(descriptor: descriptor, sending: sending, kind: kind, handler: handler, on: self)
    }
}
