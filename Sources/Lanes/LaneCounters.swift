import CLinux

/// What one lane counted since it started. A datagram is what a handler sees; a message is what the kernel
/// moved, several datagrams when it coalesced them (GRO, GSO).
public struct LaneCounters: Sendable, Equatable {
    public var turns: UInt64 = 0
    public var waits: UInt64 = 0
    public var receiveCalls: UInt64 = 0
    public var receivedMessages: UInt64 = 0
    public var receivedDatagrams: UInt64 = 0
    public var receivedOctets: UInt64 = 0
    public var sendCalls: UInt64 = 0
    public var sentMessages: UInt64 = 0
    public var sentDatagrams: UInt64 = 0
    public var sentOctets: UInt64 = 0
    /// Received, but larger than a buffer.
    public var truncated: UInt64 = 0
    /// The kernel's send queue was full.
    public var unsentFull: UInt64 = 0
    /// The kernel refused it: no route, a firewall, too large.
    public var unsentError: UInt64 = 0
    /// It had no destination, or one of another address family.
    public var unsentAddress: UInt64 = 0
    /// Messages that the kernel would not segment.
    public var segmentFallbacks: UInt64 = 0
    public var receiveErrors: UInt64 = 0
    /// Flows that the kernel takes to another lane now, which had them handed over.
    public var steered: UInt64 = 0
    public var ringSent: UInt64 = 0
    public var ringReceived: UInt64 = 0
    public var ringFull: UInt64 = 0
    /// Copies that were not made because the turn's memory was used up.
    public var arenaExhausted: UInt64 = 0

    public init() {}

    init(_ raw: clinux_counters) {
        turns = raw.turns
        waits = raw.waits
        receiveCalls = raw.receive_calls
        receivedMessages = raw.received_messages
        receivedDatagrams = raw.received_datagrams
        receivedOctets = raw.received_octets
        sendCalls = raw.send_calls
        sentMessages = raw.sent_messages
        sentDatagrams = raw.sent_datagrams
        sentOctets = raw.sent_octets
        truncated = raw.truncated
        unsentFull = raw.unsent_full
        unsentError = raw.unsent_error
        unsentAddress = raw.unsent_address
        segmentFallbacks = raw.segment_fallbacks
        receiveErrors = raw.receive_errors
        steered = raw.steered
        ringSent = raw.ring_sent
        ringReceived = raw.ring_received
        ringFull = raw.ring_full
        arenaExhausted = raw.arena_exhausted
    }
}
