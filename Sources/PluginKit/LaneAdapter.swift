/// A module on one lane. All calls are made on the lane's thread, none while another one is in progress,
/// except
/// `transmit`, which comes by itself at the end of a turn. None may block.
public protocol LaneAdapter: AnyObject {
    // pa.datagram
    /// A listener was opened; before its first `received`.
    func listening(on socket: SocketHandle, at local: Endpoint)
    func received(_ batch: DatagramBatch, on socket: SocketHandle)

    // pa.stream
    /// Looks at a new stream's first octets. Keeps nothing.
    func claim(_ first: RawSpan) -> Claim
    /// The stream is the module's now. `moved` is the token that `LaneServices.move` was given, else 0.
    /// Returns the token that comes with every later call about it.
    func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64
    /// What has arrived, to be changed in place. Returns how many octets it took; the rest comes again, with
    /// more behind.
    func received(_ octets: PacketSlice, onStream token: UInt64) -> Int
    /// A queue that was over half full is below that again.
    func writable(stream token: UInt64, queued: Int)
    /// The last call about the stream.
    func closed(stream token: UInt64, _ ending: StreamEnding)

    // pa.timer
    func expired(timer token: UInt64)

    // pa.auth
    func decided(question token: UInt64, _ verdict: Verdict)

    // pa.session
    /// `parameters` is nil at layer 2.
    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?)
    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?)
    /// From the hub to the client: to be sealed in place and sent before this returns.
    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64)
    /// The host ends the session: tell the client. The handle is void.
    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?)

    // pa.ipv6
    /// What the client has of IPv6 is now this; nil: nothing any more. What is there when a session opens
    /// comes before `opened`.
    func changed(session token: UInt64, ipv6: IPv6Parameters?)

    // Handover
    /// Offers every connection that there is to `sink`, what the lane shares first.
    func exportConnections(to sink: HandoverSink)
    /// Takes a record, or throws and keeps nothing of it. Nothing in `held` may be used before it returns.
    func importConnection(_ record: inout HandoverRecord) throws(Status)
    /// No further record comes.
    func importEnded()
    /// Whether a datagram is meant for a connection of this instance. Changes nothing.
    func owns(
        _ datagram: PacketSlice, from remote: Endpoint, to local: Endpoint?, on socket: SocketHandle
    ) -> Bool
    /// How many connections there are, those that are not authenticated included.
    var remainingConnections: Int { get }

    // Life
    /// Say goodbye to the peers of this lane. What is sent in this call still leaves; sessions end after it.
    func close()
}

extension LaneAdapter {
    public func listening(on socket: SocketHandle, at local: Endpoint) {}
    public func received(_ batch: DatagramBatch, on socket: SocketHandle) {}
    public func claim(_ first: RawSpan) -> Claim { .no }
    public func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64 { stream.rawValue }
    public func received(_ octets: PacketSlice, onStream token: UInt64) -> Int { octets.count }
    public func writable(stream token: UInt64, queued: Int) {}
    public func closed(stream token: UInt64, _ ending: StreamEnding) {}
    public func expired(timer token: UInt64) {}
    public func decided(question token: UInt64, _ verdict: Verdict) {}
    public func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {}
    public func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {}
    public func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {}
    public func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {}
    public func changed(session token: UInt64, ipv6: IPv6Parameters?) {}
    public func exportConnections(to sink: HandoverSink) {}
    public func importConnection(_ record: inout HandoverRecord) throws(Status) { throw .refused }
    public func importEnded() {}
    public func owns(
        _ datagram: PacketSlice, from remote: Endpoint, to local: Endpoint?, on socket: SocketHandle
    ) -> Bool { false }
    public var remainingConnections: Int { 0 }
    public func close() {}
}

/// What a module says to a stream's first octets.
public enum Claim: UInt32, Sendable {
    case no = 0
    case yes = 1
    /// Cannot tell yet; asked again with more octets, 4096 at most.
    case more = 2
}

/// How a stream ended, or shall end.
public enum StreamEnding: UInt32, Sendable {
    /// By this side, after all queued octets.
    case flush = 1
    /// By this side, at once.
    case reset = 2
    /// The peer closed it.
    case remote = 3
    /// Reset, timed out, or the TLS broke.
    case failed = 4
}
