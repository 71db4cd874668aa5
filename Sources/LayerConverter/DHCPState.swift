import Wire

/// The states of RFC 2131 §4.4, figure 5, and what leads from one to the next. Between an acknowledged lease
/// and BOUND stands `probing`, while the address is looked for on the link.
///
/// Each event is a function from a state to the next one, so a branch that forgets the next state does not
/// compile. (Not noncopyable: Swift 6.3 at -O traps where it copies such an enum behind our back.)
enum DHCPState {
    /// Not begun, or ended.
    case idle
    /// INIT, after a pause.
    case initial(until: Instant)
    case rebooting(wish: IPv4Address, Retransmission)
    case selecting(Retransmission)
    /// SELECTING too: there is an offer, but not of the wished address.
    case choosing(AddressLease, until: Instant)
    case requesting(AddressLease, Retransmission)
    case probing(AddressLease)
    case bound(AddressLease)
    case renewing(AddressLease, next: Instant)
    case rebinding(AddressLease, next: Instant)

    /// How often a message was sent, and when it will be sent again.
    struct Retransmission {
        var sent = 1
        var interval: Duration
        var next: Instant

        init(_ exchange: inout DHCPExchange, at now: Instant) {
            interval = exchange.timing.firstRetransmission
            next = now + Self.varied(interval, &exchange.random)
        }

        mutating func again(_ exchange: inout DHCPExchange, at now: Instant) {
            sent += 1
            interval = min(interval * 2, exchange.timing.maxRetransmission)
            next = now + Self.varied(interval, &exchange.random)
        }

        /// RFC 2131 §4.1 varies 4 s by 1 s up and down, so that clients do not stay in step.
        private static func varied(_ interval: Duration, _ random: inout SplitMix64) -> Duration {
            interval * Int.random(in: 56...72, using: &random) / 64
        }
    }

    /// Requests of a former lease before a DHCPDISCOVER: a server that does not know it is silent.
    static let maxRebootRequests = 2
    /// Requests to a server that offered, before others are asked again.
    static let maxRequests = 3

    var deadline: Instant? {
        switch self {
        case .idle, .probing: nil
        case .initial(let until), .choosing(_, let until): until
        case .rebooting(_, let sending), .selecting(let sending), .requesting(_, let sending): sending.next
        case .bound(let lease): lease.renewalTime.map { lease.obtainedAt + $0 }
        case .renewing(_, let next), .rebinding(_, let next): next
        }
    }

    /// Whether giving up is still possible: no server has granted an address.
    var isUnconfirmed: Bool {
        switch self {
        case .initial, .rebooting, .selecting, .choosing, .requesting: true
        case .idle, .probing, .bound, .renewing, .rebinding: false
        }
    }

    /// The lease that a server has granted.
    var lease: AddressLease? {
        switch self {
        case .probing(let lease), .bound(let lease), .renewing(let lease, _), .rebinding(let lease, _): lease
        case .idle, .initial, .rebooting, .selecting, .choosing, .requesting: nil
        }
    }
}

extension DHCPState {
    static func started(_ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        exchange.begin(at: now)
        guard exchange.identity.wishIsFormerLease, let wish = exchange.wish else {
            return discovering(&exchange, at: now)
        }
        exchange.beginTransaction()
        exchange.sendRebootRequest(for: wish, at: now, isFirst: true)
        return .rebooting(wish: wish, Retransmission(&exchange, at: now))
    }

    private static func discovering(_ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        exchange.beginTransaction()
        exchange.sendDiscover(at: now)
        return .selecting(Retransmission(&exchange, at: now))
    }

    private static func requesting(
        _ offer: AddressLease, _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        exchange.sendRequest(for: offer, at: now, isFirst: true)
        return .requesting(offer, Retransmission(&exchange, at: now))
    }

    private static func granted(_ lease: AddressLease, _ exchange: inout DHCPExchange) -> DHCPState {
        exchange.outputs.append(.probe(lease.address))
        return .probing(lease)
    }

    private static func lost(_ loss: AddressLoss, _ exchange: inout DHCPExchange) -> DHCPState {
        exchange.outputs.append(.lost(loss))
        return .idle
    }
}

extension DHCPState {
    /// `message` is one that `exchange` expects.
    func received(_ message: DHCPMessage, _ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        switch self {
        case .rebooting(let wish, let sending):
            Self.rebooting(wish, sending, received: message, &exchange, at: now)
        case .selecting(let sending): Self.selecting(sending, received: message, &exchange, at: now)
        case .choosing:
            if message.type == .offer, let lease = exchange.lease(message), lease.address == exchange.wish {
                Self.requesting(lease, &exchange, at: now)
            } else {
                self
            }
        case .requesting(let offer, let sending):
            Self.requesting(offer, sending, received: message, &exchange, at: now)
        case .renewing(let lease, _): Self.extended(lease, by: message, of: lease.server, &exchange) ?? self
        case .rebinding(let lease, _): Self.extended(lease, by: message, of: nil, &exchange) ?? self
        case .idle, .initial, .probing, .bound: self
        }
    }

    private static func rebooting(
        _ wish: IPv4Address, _ sending: Retransmission, received message: DHCPMessage,
        _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        if message.type == .nak { return discovering(&exchange, at: now) }
        guard message.type == .ack, let lease = exchange.lease(message), lease.address == wish else {
            return .rebooting(wish: wish, sending)
        }
        return granted(lease, &exchange)
    }

    private static func selecting(
        _ sending: Retransmission, received message: DHCPMessage, _ exchange: inout DHCPExchange,
        at now: Instant
    ) -> DHCPState {
        // Servers should not, but some say so when they have no address left.
        if message.type == .nak { exchange.refusal = .serverRefused(message: exchange.nakText(message)) }
        guard message.type == .offer, let lease = exchange.lease(message) else { return .selecting(sending) }
        guard let wish = exchange.wish, lease.address != wish else {
            return requesting(lease, &exchange, at: now)
        }
        return .choosing(lease, until: now + exchange.timing.offerWindow)
    }

    private static func requesting(
        _ offer: AddressLease, _ sending: Retransmission, received message: DHCPMessage,
        _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        guard message.options.address(.serverIdentifier) == offer.server else {
            return .requesting(offer, sending)
        }
        if message.type == .nak {
            exchange.refusal = .serverRefused(message: exchange.nakText(message))
            return .initial(until: now + exchange.timing.pause)
        }
        guard message.type == .ack, let lease = exchange.lease(message), lease.address == offer.address else {
            return .requesting(offer, sending)
        }
        return granted(lease, &exchange)
    }

    /// RENEWING and REBINDING; nil if the message changes nothing. `server`: the only one that may answer.
    private static func extended(
        _ lease: AddressLease, by message: DHCPMessage, of server: IPv4Address?,
        _ exchange: inout DHCPExchange
    ) -> DHCPState? {
        if let server, message.options.address(.serverIdentifier) != server { return nil }
        if message.type == .nak {
            return lost(.leaseRevoked(message: exchange.nakText(message)), &exchange)
        }
        guard message.type == .ack, let renewed = exchange.lease(message), renewed.address == lease.address
        else { return nil }
        exchange.outputs.append(.renewed(renewed))
        return .bound(renewed)
    }
}

extension DHCPState {
    func timedOut(_ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        if isUnconfirmed, now >= exchange.giveUpAt { return givenUp(&exchange) }
        guard let deadline, now >= deadline else { return self }
        return switch self {
        case .idle, .probing: self
        case .initial: Self.discovering(&exchange, at: now)
        case .rebooting(let wish, let sending): Self.rebooting(wish, again: sending, &exchange, at: now)
        case .selecting(let sending): Self.selecting(again: sending, &exchange, at: now)
        case .choosing(let offer, _): Self.requesting(offer, &exchange, at: now)
        case .requesting(let offer, let sending): Self.requesting(offer, again: sending, &exchange, at: now)
        case .bound(let lease): Self.extending(lease, &exchange, at: now, isFirst: true)
        case .renewing(let lease, _), .rebinding(let lease, _):
            Self.extending(lease, &exchange, at: now, isFirst: false)
        }
    }

    private func givenUp(_ exchange: inout DHCPExchange) -> DHCPState {
        if case .requesting(let offer, _) = self { exchange.noteSilence(after: offer) }
        exchange.outputs.append(.refused(exchange.refusal))
        return .idle
    }

    private static func selecting(
        again sending: Retransmission, _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        var sending = sending
        exchange.sendDiscover(at: now)
        sending.again(&exchange, at: now)
        return .selecting(sending)
    }

    private static func rebooting(
        _ wish: IPv4Address, again sending: Retransmission, _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        guard sending.sent < maxRebootRequests else { return discovering(&exchange, at: now) }
        var sending = sending
        exchange.sendRebootRequest(for: wish, at: now, isFirst: false)
        sending.again(&exchange, at: now)
        return .rebooting(wish: wish, sending)
    }

    private static func requesting(
        _ offer: AddressLease, again sending: Retransmission, _ exchange: inout DHCPExchange, at now: Instant
    ) -> DHCPState {
        guard sending.sent < maxRequests else {
            exchange.noteSilence(after: offer)
            return discovering(&exchange, at: now)
        }
        var sending = sending
        exchange.sendRequest(for: offer, at: now, isFirst: false)
        sending.again(&exchange, at: now)
        return .requesting(offer, sending)
    }

    /// Asks for more time; whom, and when again, follows from how much is left, RFC 2131 §4.4.5.
    private static func extending(
        _ lease: AddressLease, _ exchange: inout DHCPExchange, at now: Instant, isFirst: Bool
    ) -> DHCPState {
        if isFirst { exchange.beginTransaction() }
        guard let expiry = lease.expiry, let t2 = lease.rebindingTime else { return .bound(lease) }
        guard now < expiry else { return lost(.leaseExpired, &exchange) }
        let rebindingAt = lease.obtainedAt + t2
        let isRebinding = now >= rebindingAt
        exchange.sendExtension(of: lease, to: isRebinding ? nil : lease.server, at: now, isFirst: isFirst)
        let end = isRebinding ? expiry : rebindingAt
        // The RFC's minimum of 60 s, scaled down for leases shorter than a quarter of an hour.
        let least = min(.seconds(60), (lease.duration ?? .zero) / 16)
        let next = min(now + max(now.duration(to: end) / 2, least), end)
        return isRebinding ? .rebinding(lease, next: next) : .renewing(lease, next: next)
    }
}

extension DHCPState {
    func probed(_ isFree: Bool, _ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        guard case .probing(let lease) = self else { return self }
        if isFree {
            exchange.outputs.append(.bound(lease))
            return .bound(lease)
        }
        exchange.sendDecline(of: lease, at: now)
        guard exchange.declined.count < DHCPExchange.maxDeclines else {
            exchange.outputs.append(.refused(.noFreeAddress))
            return .idle
        }
        return .initial(until: now + exchange.timing.pause)
    }

    func released(_ exchange: inout DHCPExchange, at now: Instant) -> DHCPState {
        if let lease { exchange.sendRelease(of: lease, at: now) }
        return .idle
    }
}
