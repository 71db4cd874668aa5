import CLinux
public import PluginABI

/// Receives the datagrams of a socket.
public protocol DatagramHandler: AnyObject {
    /// [lane] A batch, lent until the turn ends, to be changed in place. Datagrams that the kernel coalesced
    /// lie without a gap: only the first has headroom, only the last has tailroom.
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket)
}

/// One lane's socket of a datagram listener: UDP, or IP without a transport header in front of the payload.
///
/// Sending queues a descriptor and copies the addresses; the payload stays where it is until the turn ends
/// and must not be changed before. Datagrams of equal size to one peer leave as one message (GSO). Bounds:
/// 1,024 queued datagrams, then they leave early; what the kernel does not take is dropped and counted.
///
/// @unchecked Sendable: all but `lane` and `local` is confined to the lane's thread.
@safe public final class DatagramSocket: EventSource, @unchecked Sendable {
    /// [any]
    public unowned let lane: Lane
    /// [any] The address that it is bound to, with the port that was chosen.
    public let local: Endpoint

    private let socket: UnsafeMutablePointer<clinux_socket>
    private var handler: (any DatagramHandler)?
    private var isClosed = false
    private var steering: FlowSteering?
    private var handedOver = HandedOverFlows()

    init(_ options: DatagramOptions, local: Endpoint, on lane: Lane, isShared: Bool) throws(SocketError) {
        self.lane = lane
        unsafe socket = .allocate(capacity: 1)
        var address = local.address
        let result = unsafe clinux_socket_open(
            socket, options.transport.kind, options.transport.protocolNumber, &address,
            options.flags(isShared: isShared), Int32(clamping: options.bufferOctets))
        guard result >= 0 else {
            unsafe socket.deallocate()
            throw SocketError(result, "listen on \(options.transport) \(local)")
        }
        self.local = unsafe Endpoint(socket.pointee.local)
    }

    deinit {
        unsafe clinux_socket_close(socket)
        unsafe socket.deallocate()
    }

    /// [lane] Queues the datagrams. A nil local address leaves the choice to the kernel.
    public func send(_ batch: UnsafeBufferPointer<pa_datagram_v1>) {
        assert(lane.isCurrent)
        guard !isClosed, let first = batch.baseAddress else { return }
        unsafe clinux_enqueue(socket, lane.sender, first, UInt32(batch.count), lane.counted)
        lane.markDirty(self)
    }

    /// [lane] Queues one datagram.
    public func send(_ datagram: pa_datagram_v1) {
        unsafe withUnsafePointer(to: datagram) { unsafe send(UnsafeBufferPointer(start: $0, count: 1)) }
    }

    /// [lane] A datagram of this peer arrived here and belongs to the lane with this index. When that goes
    /// on, the kernel takes what follows there.
    public func handOver(from peer: Endpoint, toLane index: Int) {
        assert(lane.isCurrent)
        guard let steering, handedOver.count(peer), steering.take(peer, to: index) else { return }
        unsafe lane.counted.pointee.steered += 1
    }

    /// [lane] What was queued still leaves; the handler hears nothing more.
    public func close() {
        assert(lane.isCurrent)
        guard !isClosed else { return }
        lane.detach(self, descriptor: descriptor)
        handler = nil
        lane.retireAfterTurn(self)
        isClosed = true
    }

    var descriptor: Int32 { unsafe socket.pointee.fd }

    /// [lane]
    func start(_ handler: any DatagramHandler, steeredBy steering: FlowSteering? = nil) throws(SocketError) {
        guard !isClosed else { return }
        self.handler = handler
        self.steering = steering
        try lane.attach(self, descriptor: descriptor, interest: .readable)
    }

    override func ready(_ readiness: Readiness) {
        let count = Int(unsafe clinux_receive(lane.receiver, socket, lane.counted))
        guard count > 0, let handler else { return }
        unsafe handler.received(
            UnsafeMutableBufferPointer(start: clinux_received(lane.receiver), count: count), on: self)
    }

    override func flush() { unsafe clinux_flush(socket, lane.sender, lane.counted) }

    override func retire() {
        isClosed = true
        handler = nil
        unsafe clinux_socket_close(socket)
    }
}
