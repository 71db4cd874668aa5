import Wire

/// A DHCPv6 client for one address, or for other configuration alone: RFC 8415 §18.2. It knows messages, not
/// packets: the owner carries them, and looks whether an address is free. A server that offers is taken after
/// `AddressTiming.offerWindow`, which is shorter than the RFC's second because a VPN client waits.
///
/// One input, then `nextOutput` until nil, then wait until `deadline`.
struct DHCPv6Client {
    enum Output: Equatable {
        case send(DHCPv6Message)
        /// To be used, or used for longer.
        case leased(DHCPv6Lease)
        /// Not to be used any more; a new one is being asked for.
        case lost(IPv6Address)
        /// `configuration` is new.
        case informed
    }

    /// What a server says beside addresses.
    struct Configuration: Equatable {
        static let maxServers = 8
        var dns: [IPv6Address] = []
        var domains: [String] = []
    }

    enum Purpose: Equatable { case nothing, information, address }

    private static let maxRequests = 4
    /// RFC 8415 §7.6: seconds.
    private static let maxSolicitInterval = 3600
    private static let maxRequestInterval = 30
    private static let maxRenewInterval = 600
    private static let defaultRefresh: UInt32 = 86_400
    private static let minRefresh: UInt32 = 600

    private enum State {
        case idle
        case soliciting(Retransmission, best: Offer?)
        case requesting(Offer, Retransmission)
        case bound(DHCPv6Lease)
        case renewing(DHCPv6Lease, Retransmission)
        case rebinding(DHCPv6Lease, Retransmission)
        case informing(Retransmission)
        case informed(until: Instant)
    }

    private struct Offer {
        var server: [UInt8]
        var address: DHCPv6Association.Address
        var preference: UInt8
        /// When it is taken, if there is no better one.
        var takenAt: Instant
    }

    /// RFC 8415 §15.
    private struct Retransmission {
        var sent = 1
        let began: Instant
        var interval: Duration
        var next: Instant

        init(_ first: Duration, _ random: inout SplitMix64, at now: Instant) {
            began = now
            interval = first * Int.random(in: 58...70, using: &random) / 64
            next = now + interval
        }

        mutating func again(atMost seconds: Int, _ random: inout SplitMix64, at now: Instant) {
            sent += 1
            interval = min(interval * 2, .seconds(seconds)) * Int.random(in: 58...70, using: &random) / 64
            next = now + interval
        }
    }

    private(set) var purpose = Purpose.nothing
    private(set) var configuration = Configuration()
    private let duid: [UInt8]
    private let associationID: UInt32
    private let timing: AddressTiming
    private var state = State.idle
    private var transactionID: UInt32 = 0
    private var random: SplitMix64
    private var outputs: [Output] = []

    init(_ mac: MACAddress, _ timing: AddressTiming, seed: UInt64) {
        // DUID-LL, RFC 8415 §11.4, of Ethernet: the lent address is the client's identity, and stays it.
        duid = [0, 3, 0, 1] + mac.octets
        associationID = UInt32(truncatingIfNeeded: mac.bits)
        self.timing = timing
        random = SplitMix64(seed: seed)
    }

    /// Whether there is an answer that is still waited for.
    var isPending: Bool {
        switch state {
        case .soliciting, .requesting, .informing: true
        case .idle, .bound, .renewing, .rebinding, .informed: false
        }
    }

    var deadline: Instant? {
        switch state {
        case .idle: nil
        case .soliciting(let sending, let best): best.map { min($0.takenAt, sending.next) } ?? sending.next
        case .requesting(_, let sending), .informing(let sending): sending.next
        case .bound(let lease): lease.renewAt
        case .renewing(let lease, let sending): min(sending.next, lease.rebindAt)
        case .rebinding(let lease, let sending): min(sending.next, lease.validUntil)
        case .informed(let until): until
        }
    }

    mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// A router says what DHCPv6 is good for here. A client that has asked for an address goes on with it.
    mutating func start(for purpose: Purpose, at now: Instant) {
        guard purpose != self.purpose, self.purpose != .address else { return }
        self.purpose = purpose
        switch purpose {
        case .nothing: state = .idle
        case .information: inform(at: now)
        case .address: solicit(at: now)
        }
    }

    mutating func handleTimeout(at now: Instant) {
        guard let deadline, now >= deadline else { return }
        switch state {
        case .idle: break
        case .soliciting(var sending, let best):
            if let best, now >= best.takenAt { return request(best, at: now) }
            sending.again(atMost: Self.maxSolicitInterval, &random, at: now)
            state = .soliciting(sending, best: best)
            sendSolicit(sending, at: now)
        case .requesting(let offer, var sending):
            guard sending.sent < Self.maxRequests else { return solicit(at: now) }
            sending.again(atMost: Self.maxRequestInterval, &random, at: now)
            state = .requesting(offer, sending)
            sendRequest(offer, sending, at: now)
        case .bound(let lease): renew(lease, at: now)
        case .renewing(let lease, let sending): repeatRenew(lease, sending, at: now)
        case .rebinding(let lease, let sending): repeatRebind(lease, sending, at: now)
        case .informing(var sending):
            sending.again(atMost: Self.maxSolicitInterval, &random, at: now)
            state = .informing(sending)
            send(.informationRequest, [], sending, at: now)
        case .informed: inform(at: now)
        }
    }

    /// Messages of other transactions and for other clients are ignored.
    mutating func receive(_ message: DHCPv6Message, at now: Instant) {
        guard message.transactionID == transactionID, message.options[.clientIdentifier] == duid,
            let server = message.options[.serverIdentifier],
            (1...DHCPv6Message.maxDUID).contains(server.count)
        else { return }
        switch (state, message.type) {
        case (.soliciting(let sending, let best), .advertise):
            receivedAdvertise(message, from: server, sending, best, at: now)
        case (.soliciting, .reply) where message.options[.rapidCommit] != nil:
            if let lease = lease(of: message, from: server, at: now) { bind(lease, message, at: now) }
        case (.requesting(let offer, _), .reply) where offer.server == server:
            receivedAnswer(message, to: offer, at: now)
        case (.renewing(let lease, _), .reply) where lease.server == server,
            (.rebinding(let lease, _), .reply):
            receivedExtension(message, of: lease, from: server, at: now)
        case (.informing, .reply): receivedInformation(message, at: now)
        case _: break
        }
    }

    /// Another host has the leased address, RFC 8415 §18.2.8. Another one is asked for.
    mutating func decline(at now: Instant) {
        guard let lease else { return }
        begin()
        send(.decline, [.init(.serverIdentifier, lease.server), association(lease.address)], at: now)
        solicit(at: now, after: .seconds(1))
    }

    /// Gives the address back and ends.
    mutating func release(at now: Instant) {
        if let lease {
            begin()
            send(.release, [.init(.serverIdentifier, lease.server), association(lease.address)], at: now)
        }
        state = .idle
        purpose = .nothing
    }

    private var lease: DHCPv6Lease? {
        switch state {
        case .bound(let lease), .renewing(let lease, _), .rebinding(let lease, _): lease
        case .idle, .soliciting, .requesting, .informing, .informed: nil
        }
    }
}

// MARK: - Transitions

extension DHCPv6Client {
    private mutating func solicit(at now: Instant, after pause: Duration = .zero) {
        begin()
        var sending = Retransmission(.seconds(1), &random, at: now)
        if pause > .zero { sending.next = now + pause }
        state = .soliciting(sending, best: nil)
        if pause == .zero { sendSolicit(sending, at: now) }
    }

    private mutating func inform(at now: Instant) {
        begin()
        let sending = Retransmission(.seconds(1), &random, at: now)
        state = .informing(sending)
        send(.informationRequest, [], sending, at: now)
    }

    private mutating func request(_ offer: Offer, at now: Instant) {
        begin()
        let sending = Retransmission(.seconds(1), &random, at: now)
        state = .requesting(offer, sending)
        sendRequest(offer, sending, at: now)
    }

    private mutating func renew(_ lease: DHCPv6Lease, at now: Instant) {
        begin()
        let sending = Retransmission(.seconds(10), &random, at: now)
        state = .renewing(lease, sending)
        send(
            .renew, [.init(.serverIdentifier, lease.server), association(lease.address)], sending, at: now)
    }

    private mutating func repeatRenew(_ lease: DHCPv6Lease, _ sending: Retransmission, at now: Instant) {
        guard now < lease.rebindAt else {
            begin()
            let sending = Retransmission(.seconds(10), &random, at: now)
            state = .rebinding(lease, sending)
            return send(.rebind, [association(lease.address)], sending, at: now)
        }
        var sending = sending
        sending.again(atMost: Self.maxRenewInterval, &random, at: now)
        state = .renewing(lease, sending)
        send(
            .renew, [.init(.serverIdentifier, lease.server), association(lease.address)], sending, at: now)
    }

    private mutating func repeatRebind(_ lease: DHCPv6Lease, _ sending: Retransmission, at now: Instant) {
        guard now < lease.validUntil else { return lose(lease, at: now) }
        var sending = sending
        sending.again(atMost: Self.maxRenewInterval, &random, at: now)
        state = .rebinding(lease, sending)
        send(.rebind, [association(lease.address)], sending, at: now)
    }

    private mutating func lose(_ lease: DHCPv6Lease, at now: Instant) {
        outputs.append(.lost(lease.address))
        solicit(at: now)
    }

    private mutating func bind(_ lease: DHCPv6Lease, _ message: DHCPv6Message, at now: Instant) {
        state = .bound(lease)
        take(message)
        outputs.append(.leased(lease))
    }

    private mutating func receivedAdvertise(
        _ message: DHCPv6Message, from server: [UInt8], _ sending: Retransmission, _ best: Offer?,
        at now: Instant
    ) {
        guard let (_, address) = grant(in: message) else { return }
        let preference = message.options.integer(.preference, as: UInt8.self) ?? 0
        var offer = Offer(
            server: server, address: address, preference: preference, takenAt: now + timing.offerWindow)
        // RFC 8415 §18.2.1: nobody can be better.
        if preference == 255 { return request(offer, at: now) }
        if let best {
            guard best.preference < preference else { return }
            offer.takenAt = best.takenAt
        }
        state = .soliciting(sending, best: offer)
    }

    private mutating func receivedAnswer(_ message: DHCPv6Message, to offer: Offer, at now: Instant) {
        if let lease = lease(of: message, from: offer.server, at: now) {
            bind(lease, message, at: now)
        } else {
            // It changed its mind. What it says of that makes no difference to us.
            solicit(at: now, after: .seconds(1))
        }
    }

    private mutating func receivedExtension(
        _ message: DHCPv6Message, of lease: DHCPv6Lease, from server: [UInt8], at now: Instant
    ) {
        if let longer = self.lease(of: message, from: server, at: now) {
            if longer.address != lease.address { outputs.append(.lost(lease.address)) }
            return bind(longer, message, at: now)
        }
        // RFC 8415 §18.2.10.1: the server has forgotten it, or takes it back; silence about it says nothing.
        let association = self.association(in: message)
        let isRevoked = association?.addresses.contains { $0.address == lease.address } == true
        if association?.status == Self.noBinding || isRevoked { lose(lease, at: now) }
    }

    private mutating func receivedInformation(_ message: DHCPv6Message, at now: Instant) {
        let refresh =
            message.options.integer(.informationRefreshTime, as: UInt32.self) ?? Self.defaultRefresh
        state = .informed(until: Lifetime.end(of: max(refresh, Self.minRefresh), from: now))
        take(message)
        outputs.append(.informed)
    }

    private mutating func take(_ message: DHCPv6Message) {
        let dns = message.options.addresses(.nameServers).filter(\.isRoutable)
        configuration = Configuration(
            dns: Array(dns.prefix(Configuration.maxServers)), domains: message.options.domains)
    }
}

// MARK: - Messages

extension DHCPv6Client {
    /// RFC 8415 §21.13.
    private static let noBinding: UInt16 = 3

    private func association(in message: DHCPv6Message) -> DHCPv6Association? {
        message.options.lazy.filter { $0.code == .identityAssociation }
            .compactMap { try? DHCPv6Association(parsing: $0.value) }
            .first { $0.id == associationID }
    }

    /// The first address that may be used.
    private func grant(
        in message: DHCPv6Message
    ) -> (association: DHCPv6Association, address: DHCPv6Association.Address)? {
        guard message.options.status == 0, let association = association(in: message),
            association.status == 0,
            let address = association.addresses.first(where: {
                $0.address.isRoutable && $0.validLifetime > 0
            })
        else { return nil }
        return (association, address)
    }

    private func lease(of message: DHCPv6Message, from server: [UInt8], at now: Instant) -> DHCPv6Lease? {
        grant(in: message).map { DHCPv6Lease($0.address, of: $0.association, from: server, at: now) }
    }

    private func association(_ address: IPv6Address) -> DHCPv6Option {
        let wanted = DHCPv6Association.Address(address, preferredLifetime: 0, validLifetime: 0)
        return DHCPv6Association(id: associationID, addresses: [wanted]).option
    }

    private mutating func begin() { transactionID = UInt32.random(in: 0...0xff_ffff, using: &random) }

    private mutating func sendSolicit(_ sending: Retransmission, at now: Instant) {
        let association = DHCPv6Association(id: associationID).option
        send(.solicit, [DHCPv6Option(.rapidCommit, []), association], sending, at: now)
    }

    private mutating func sendRequest(_ offer: Offer, _ sending: Retransmission, at now: Instant) {
        send(
            .request, [.init(.serverIdentifier, offer.server), association(offer.address.address)], sending,
            at: now)
    }

    private mutating func send(
        _ type: DHCPv6Message.MessageType, _ options: [DHCPv6Option] = [], _ sending: Retransmission? = nil,
        at now: Instant
    ) {
        let elapsed = sending.map { $0.began.duration(to: now) } ?? .zero
        let (seconds, attoseconds) = elapsed.components
        var hundredths: [UInt8] = []
        hundredths.appendBigEndian(
            UInt16(clamping: seconds * 100 + attoseconds / 10_000_000_000_000_000))
        var all = [DHCPv6Option(.clientIdentifier, duid), DHCPv6Option(.elapsedTime, hundredths)] + options
        if type != .release, type != .decline { all.append(Self.wanted) }
        outputs.append(.send(DHCPv6Message(type, transactionID: transactionID, options: all)))
    }

    private static var wanted: DHCPv6Option {
        var codes: [UInt8] = []
        for code in [DHCPv6Option.Code.nameServers, .domainList, .informationRefreshTime] {
            codes.appendBigEndian(code.rawValue)
        }
        return DHCPv6Option(.optionRequest, codes)
    }
}

/// An address that a DHCPv6 server has given.
struct DHCPv6Lease: Equatable {
    /// A shorter time until renewal is taken as this long, so that a server cannot keep us busy.
    private static let minRenewal: UInt32 = 5

    var server: [UInt8]
    var address: IPv6Address
    var preferredUntil: Instant
    var validUntil: Instant
    /// T1 and T2.
    var renewAt: Instant
    var rebindAt: Instant

    /// T1 and T2 of zero are the client's to choose: half and four fifths, RFC 8415 §21.4.
    init(
        _ address: DHCPv6Association.Address, of association: DHCPv6Association, from server: [UInt8],
        at now: Instant
    ) {
        self.server = server
        self.address = address.address
        let isEndless = address.preferredLifetime == Lifetime.infinite
        let preferred = max(address.preferredLifetime, Self.minRenewal)
        let half = isEndless ? Lifetime.infinite : preferred / 2
        let most = isEndless ? Lifetime.infinite : preferred / 5 * 4
        let valid = max(address.validLifetime, Self.minRenewal * 2)
        preferredUntil = Lifetime.end(of: address.preferredLifetime, from: now)
        validUntil = Lifetime.end(of: valid, from: now)
        let t1 = max(association.t1 == 0 ? half : association.t1, Self.minRenewal)
        let t2 = max(association.t2 == 0 ? most : association.t2, t1)
        renewAt = min(Lifetime.end(of: t1, from: now), validUntil)
        rebindAt = min(Lifetime.end(of: t2, from: now), validUntil)
    }
}
