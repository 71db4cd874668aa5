public import Wire

/// A DHCPv4 client, RFC 2131 §4.4: it gets one address, keeps it by renewing, and gives it back. It knows
/// messages, not frames: the owner carries them, and looks with ARP whether an address is free.
///
/// One input, then `nextOutput` until nil, then wait until `deadline`.
public struct DHCPClient: ~Copyable {
    public enum Output: Equatable, Sendable {
        /// To 255.255.255.255, from `ciaddr`.
        case broadcast(DHCPMessage)
        /// To the server, from `ciaddr`.
        case unicast(DHCPMessage, to: IPv4Address)
        /// Look whether another host has this address; the answer is `probed`.
        case probe(IPv4Address)
        case bound(AddressLease)
        /// The address is the same; anything else may have changed.
        case renewed(AddressLease)
        /// The end; `start` begins anew.
        case refused(AddressRefusal)
        /// The end; `start` begins anew.
        case lost(AddressLoss)
    }

    private var state = DHCPState.idle
    private var exchange: DHCPExchange

    /// `seed`: a random number, from which transaction identifiers and delays are made.
    public init(_ identity: DHCPIdentity, timing: AddressTiming = AddressTiming(), seed: UInt64) {
        exchange = DHCPExchange(identity, timing, seed: seed)
    }

    /// When `handleTimeout` must be called; nil while there is nothing to wait for.
    public var deadline: Instant? {
        guard state.isUnconfirmed else { return state.deadline }
        return state.deadline.map { min($0, exchange.giveUpAt) }
    }

    /// Of the transaction under way.
    public var xid: UInt32 { exchange.xid }

    public mutating func start(at now: Instant) { state = .started(&exchange, at: now) }

    /// Messages of others, of other transactions and to other hosts are ignored.
    public mutating func receive(_ message: DHCPMessage, at now: Instant) {
        guard exchange.isExpected(message) else { return }
        state = state.received(message, &exchange, at: now)
    }

    public mutating func handleTimeout(at now: Instant) {
        state = state.timedOut(&exchange, at: now)
    }

    /// The answer to `Output.probe`.
    public mutating func probed(isFree: Bool, at now: Instant) {
        state = state.probed(isFree, &exchange, at: now)
    }

    /// Gives the address back, if there is one, and ends.
    public mutating func release(at now: Instant) {
        state = state.released(&exchange, at: now)
    }

    public mutating func nextOutput() -> Output? {
        exchange.outputs.isEmpty ? nil : exchange.outputs.removeFirst()
    }
}
