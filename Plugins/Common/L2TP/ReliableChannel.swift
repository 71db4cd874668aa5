public import Wire

/// Reliable delivery of control messages, RFC 2661 §5.8, RFC 3931 §4.2: numbers, a window, and patience that
/// doubles. A value that knows no time and sends nothing: its owner does.
public struct ReliableChannel: Sendable {
    /// Messages that wait or are under way; a peer whom we have more to tell is gone.
    public static let maxQueued = 64
    static let firstTimeout: Duration = .seconds(1)
    static let maxTimeout: Duration = .seconds(8)
    static let maxRetransmits = 5
    /// What a peer can take that does not say, RFC 2661 §4.4.3.
    static let defaultWindow = 4
    public static let ownWindow: UInt16 = 16

    struct Pending: Sendable {
        let number: UInt16
        /// In L2TPv2 the header of a message names a session.
        let session: UInt16
        let body: [UInt8]
        var isSent = false
    }

    public enum Arrival: Equatable, Sendable {
        /// The next message: to be acted upon.
        case next
        /// An acknowledgement and nothing else.
        case acknowledgement
        /// Seen before: to be acknowledged again.
        case duplicate
        /// One before it is missing; the peer will send it again.
        case ahead
    }

    /// Of our next message.
    var nextNumber: UInt16 = 0
    /// Of the peer's next message: our Nr.
    public internal(set) var expected: UInt16 = 0
    var pending: [Pending] = []
    var window = defaultWindow
    var retransmits = 0
    var timeout = firstTimeout
    public internal(set) var deadline: Instant?
    /// The peer waits for an acknowledgement.
    public internal(set) var owesAcknowledgement = false
    /// An explicit ACK came with the expected number, which some count as used, see `received`.
    var countedAcknowledgement = false

    public init() {}

    /// Whether nothing of ours is unacknowledged.
    public var isIdle: Bool { pending.isEmpty }

    public mutating func useWindow(_ window: UInt16) {
        self.window = max(1, min(Int(window), Self.maxQueued))
    }

    /// False: too much waits already.
    public mutating func enqueue(_ body: [UInt8], session: UInt16 = 0) -> Bool {
        guard pending.count < Self.maxQueued else { return false }
        pending.append(Pending(number: nextNumber, session: session, body: body))
        nextNumber &+= 1
        return true
    }

    /// The next message that may leave now, with its Ns.
    mutating func nextToSend(at now: Instant) -> Pending? {
        guard let index = pending.prefix(window).firstIndex(where: { !$0.isSent }) else { return nil }
        pending[index].isSent = true
        owesAcknowledgement = false
        if deadline == nil { deadline = now + timeout }
        return pending[index]
    }

    /// The number that an acknowledgement without a message carries.
    public mutating func takeAcknowledgement() -> UInt16 {
        owesAcknowledgement = false
        return pending.first { !$0.isSent }?.number ?? nextNumber
    }

    /// `isExplicit`: an ACK message of L2TPv3. RFC 3931 §4.2 does not count it; some implementations do, and
    /// their next message then seems to be one too far.
    public mutating func received(
        ns: UInt16, nr: UInt16, isMessage: Bool, isExplicit: Bool = false, at now: Instant
    ) -> Arrival {
        acknowledge(nr, at: now)
        if isExplicit {
            if ns == expected { countedAcknowledgement = true }
            return .acknowledgement
        }
        guard isMessage else { return .acknowledgement }
        if countedAcknowledgement, ns == expected &+ 1 { expected &+= 1 }
        let distance = Int16(bitPattern: ns &- expected)
        guard distance == 0 else {
            if distance < 0 { owesAcknowledgement = true }
            return distance < 0 ? .duplicate : .ahead
        }
        countedAcknowledgement = false
        expected &+= 1
        owesAcknowledgement = true
        return .next
    }

    /// Forgets what the peer has: all before `nr`.
    private mutating func acknowledge(_ nr: UInt16, at now: Instant) {
        let before = pending.count
        while let first = pending.first, first.isSent, Int16(bitPattern: nr &- first.number) > 0 {
            pending.removeFirst()
        }
        guard pending.count < before else { return }
        retransmits = 0
        timeout = Self.firstTimeout
        deadline = pending.contains(where: \.isSent) ? now + timeout : nil
    }

    /// False: the peer does not answer.
    public mutating func handleTimeout(at now: Instant) -> Bool {
        guard let deadline, now >= deadline else { return true }
        guard retransmits < Self.maxRetransmits else { return false }
        retransmits += 1
        timeout = min(timeout * 2, Self.maxTimeout)
        for index in pending.indices { pending[index].isSent = false }
        self.deadline = now + timeout
        return true
    }
}
