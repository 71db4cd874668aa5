public import Wire

/// The server of RFC 2131 §4.3 for one segment: messages in, messages and lease records out; no IO.
///
/// A client gets the address that it had before. An offer is held for `offerTime`. Leases have no timers: an
/// expired one is a free address. Relayed messages (giaddr) are not served. An address is not probed before
/// it is offered: what is known of its use is an argument, and clients probe (RFC 5227) and decline.
public struct DHCPServer: Sendable {
    public static let offerTime: Duration = .seconds(30)
    public static let declineTime: Duration = .seconds(600)
    public static let minLeaseTime: Duration = .seconds(60)

    public enum Output: Equatable, Sendable {
        /// To be kept before the message that follows is sent; if it cannot be, that message must not be
        /// sent.
        case leaseChanged(LeaseRecord)
        case send(DHCPMessage, to: Destination)
    }

    public enum Destination: Equatable, Sendable {
        case broadcast
        case host(IPv4Address, MACAddress)
    }

    /// Why a message got no answer where one might have been expected.
    public enum Silence: Hashable, Sendable, CaseIterable {
        case reply, relayed, badMessage, poolFull, otherServer, unknownClient
    }

    public let settings: DHCPSettings
    public private(set) var silences: [Silence: Int] = [:]
    /// Addresses of the pool that are not to be lent. Who has leased one is refused when renewing it.
    public var reserved: Set<IPv4Address> {
        get { pool.reserved }
        set { pool.reserved = newValue }
    }
    private var pool: AddressPool
    private var outputs: [Output] = []

    /// Records whose address is not in the pool any more are forgotten.
    public init(_ settings: DHCPSettings, restoring records: [LeaseRecord] = [], at now: Moment) {
        self.settings = settings
        pool = AddressPool(settings.pool)
        // Where a client has two records, the newer one is taken last and stays.
        for record in records.sorted(by: { $0.expiresAt < $1.expiresAt }) { restore(record, at: now) }
        if pool.contains(settings.network.address) {
            // The server's own address is lent to nobody.
            let never = Instant(nanoseconds: .max)
            pool.bind(settings.network.address, .declined, .nobody, until: never)
        }
    }

    /// `wasBroadcast`: it was not sent to this server's own address, so others may be meant too. `user` tells
    /// who is seen to use an address, with or without a lease.
    public mutating func receive(
        _ message: DHCPMessage, wasBroadcast: Bool, at now: Moment,
        user: (IPv4Address) -> MACAddress? = { _ in nil }
    ) {
        guard message.op == .bootRequest else { return stay(.reply) }
        guard message.giaddr == .any else { return stay(.relayed) }
        guard !message.chaddr.isGroup, message.chaddr.bits != 0 else { return stay(.badMessage) }
        let client = DHCPClient(message)
        switch message.type {
        case .discover: receivedDiscover(message, client, now, user)
        case .request: receivedRequest(message, client, wasBroadcast, now)
        case .decline: receivedDecline(message, client, now)
        case .release: receivedRelease(message, client, now)
        case .inform: receivedInform(message)
        default: stay(.badMessage)  // not a client's message
        }
    }

    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// Leases that hold now, in the order of addresses.
    public func leases(at now: Moment) -> [LeaseRecord] {
        pool.all.compactMap { address, binding in
            guard binding.state == .bound, binding.until > now.instant else { return nil }
            return record(address, .bound, binding, now)
        }
    }

    // MARK: messages

    private mutating func receivedDiscover(
        _ message: DHCPMessage, _ client: DHCPClient, _ now: Moment, _ user: (IPv4Address) -> MACAddress?
    ) {
        let wish = message.options.address(.requestedAddress)
        let address = pool.choose(for: client, wish: wish, at: now.instant) { address in
            user(address).map { $0 != message.chaddr } ?? false
        }
        guard let address else { return stay(.poolFull) }
        // A lease that still holds is not shortened by its client's asking again.
        if !isBound(address, to: client, at: now) {
            pool.bind(address, .offered, client, until: now.instant.advanced(by: Self.offerTime))
        }
        answer(message, .offer, address)
    }

    /// The four states of a client that sends DHCPREQUEST are told apart by the table of RFC 2131 §4.3.2.
    private mutating func receivedRequest(
        _ message: DHCPMessage, _ client: DHCPClient, _ wasBroadcast: Bool, _ now: Moment
    ) {
        let requested = message.options.address(.requestedAddress)
        if let server = message.options.address(.serverIdentifier) {
            guard server == settings.network.address else {
                pool.withdrawOffer(to: client)
                return stay(.otherServer)
            }
            guard let requested else { return stay(.badMessage) }
            selecting(message, client, requested, now)
        } else if let requested {
            guard message.ciaddr == .any else { return stay(.badMessage) }
            initReboot(message, client, requested, now)
        } else {
            guard message.ciaddr != .any else { return stay(.badMessage) }
            extending(message, client, wasBroadcast, now)
        }
    }

    private mutating func selecting(
        _ message: DHCPMessage, _ client: DHCPClient, _ address: IPv4Address, _ now: Moment
    ) {
        guard pool.address(of: client) == address, pool.isFree(address, for: client, at: now.instant) else {
            return refuse(message, "that address was not offered")
        }
        lend(address, to: client, message, now)
    }

    private mutating func initReboot(
        _ message: DHCPMessage, _ client: DHCPClient, _ address: IPv4Address, _ now: Moment
    ) {
        guard settings.network.contains(address) else { return refuse(message, "that is another network") }
        guard let own = pool.address(of: client) else { return stay(.unknownClient) }
        guard own == address, pool.isFree(address, for: client, at: now.instant) else {
            return refuse(message, "that address is another client's")
        }
        lend(address, to: client, message, now)
    }

    /// RENEWING (sent to this server) and REBINDING (to all). A renewal that only lost its record is taken
    /// up.
    private mutating func extending(
        _ message: DHCPMessage, _ client: DHCPClient, _ wasBroadcast: Bool, _ now: Moment
    ) {
        let address = message.ciaddr
        guard settings.network.contains(address) else { return refuse(message, "that is another network") }
        let isFree = pool.isFree(address, for: client, at: now.instant)
        if pool.address(of: client) == address, isFree { return lend(address, to: client, message, now) }
        guard !wasBroadcast || pool.binding(of: address)?.state == .bound else { return stay(.unknownClient) }
        guard isFree, !wasBroadcast else { return refuse(message, "that address is not lent to this client") }
        lend(address, to: client, message, now)
    }

    private mutating func receivedDecline(_ message: DHCPMessage, _ client: DHCPClient, _ now: Moment) {
        guard message.options.address(.serverIdentifier) == settings.network.address else {
            return stay(.otherServer)
        }
        guard let address = message.options.address(.requestedAddress) else { return stay(.badMessage) }
        guard pool.address(of: client) == address else { return stay(.unknownClient) }
        guard pool.mayDecline(at: now.instant) else { return release(address, client, now) }
        let until = now.instant.advanced(by: Self.declineTime)
        pool.bind(address, .declined, .nobody, until: until)
        changed(address, now)
    }

    private mutating func receivedRelease(_ message: DHCPMessage, _ client: DHCPClient, _ now: Moment) {
        guard message.options.address(.serverIdentifier) == settings.network.address else {
            return stay(.otherServer)
        }
        guard isBound(message.ciaddr, to: client, at: now) else { return stay(.unknownClient) }
        release(message.ciaddr, client, now)
    }

    private mutating func receivedInform(_ message: DHCPMessage) {
        guard settings.network.contains(message.ciaddr) else { return stay(.badMessage) }
        var reply = reply(to: message, .ack)
        reply.ciaddr = message.ciaddr
        describeNetwork(in: &reply)
        outputs.append(.send(reply, to: .host(message.ciaddr, message.chaddr)))
    }

    // MARK: leases

    private mutating func lend(
        _ address: IPv4Address, to client: DHCPClient, _ message: DHCPMessage, _ now: Moment
    ) {
        let wish = message.options.duration(.leaseTime) ?? settings.leaseTime
        let leaseTime = min(max(wish, Self.minLeaseTime), settings.leaseTime)
        pool.bind(address, .bound, client, until: now.instant.advanced(by: leaseTime))
        changed(address, now)
        answer(message, .ack, address, leaseTime: leaseTime)
    }

    private mutating func release(_ address: IPv4Address, _ client: DHCPClient, _ now: Moment) {
        pool.bind(address, .released, client, until: now.instant)
        changed(address, now)
    }

    private func isBound(_ address: IPv4Address, to client: DHCPClient, at now: Moment) -> Bool {
        guard let binding = pool.binding(of: address) else { return false }
        return binding.state == .bound && binding.client.identifier == client.identifier
            && binding.until > now.instant
    }

    private mutating func changed(_ address: IPv4Address, _ now: Moment) {
        guard let binding = pool.binding(of: address) else { return }
        switch binding.state {
        case .offered: return
        case .bound: outputs.append(.leaseChanged(record(address, .bound, binding, now)))
        case .released: outputs.append(.leaseChanged(record(address, .released, binding, now)))
        case .declined: outputs.append(.leaseChanged(record(address, .declined, binding, now)))
        }
    }

    private func record(
        _ address: IPv4Address, _ state: LeaseRecord.State, _ binding: AddressPool.Binding, _ now: Moment
    ) -> LeaseRecord {
        let remaining = now.instant.duration(to: binding.until).components.seconds
        return LeaseRecord(
            address: address, state: state, expiresAt: now.wallClock + remaining, client: binding.client)
    }

    private mutating func restore(_ record: LeaseRecord, at now: Moment) {
        guard pool.contains(record.address) else { return }
        // A wall clock that was set back must not make a lease longer than any is lent.
        let longest = max(settings.leaseTime, Self.declineTime).components.seconds
        let remaining = min(max(record.expiresAt, now.wallClock), now.wallClock + longest) - now.wallClock
        let until = now.instant.advanced(by: .seconds(remaining))
        switch record.state {
        case .bound: pool.bind(record.address, .bound, record.client, until: until)
        case .released: pool.bind(record.address, .released, record.client, until: now.instant)
        case .declined: pool.bind(record.address, .declined, .nobody, until: until)
        }
    }

    // MARK: answers

    private mutating func stay(_ reason: Silence) { silences[reason, default: 0] &+= 1 }

    private mutating func answer(
        _ message: DHCPMessage, _ type: DHCPMessage.MessageType, _ address: IPv4Address,
        leaseTime: Duration? = nil
    ) {
        let leaseTime = leaseTime ?? settings.leaseTime
        var reply = reply(to: message, type)
        reply.ciaddr = type == .ack ? message.ciaddr : .any
        reply.yiaddr = address
        reply.options.set(.leaseTime, leaseTime)
        reply.options.set(.renewalTime, leaseTime / 2)
        reply.options.set(.rebindingTime, leaseTime * 7 / 8)
        describeNetwork(in: &reply)
        // RFC 2131 §4.1: ciaddr, else the B flag, else the address that the client does not have yet.
        let destination: Destination =
            if message.ciaddr != .any {
                .host(message.ciaddr, message.chaddr)
            } else if message.isBroadcast {
                .broadcast
            } else {
                .host(address, message.chaddr)
            }
        outputs.append(.send(reply, to: destination))
    }

    private mutating func refuse(_ message: DHCPMessage, _ reason: String) {
        var reply = reply(to: message, .nak)
        reply.options.set(.message, reason)
        outputs.append(.send(reply, to: .broadcast))
    }

    private func reply(to message: DHCPMessage, _ type: DHCPMessage.MessageType) -> DHCPMessage {
        var reply = DHCPMessage(.bootReply, type, xid: message.xid, chaddr: message.chaddr)
        reply.isBroadcast = message.isBroadcast
        reply.options.set(.serverIdentifier, settings.network.address)
        // RFC 6842 §3: echoed, so that the client can tell whose answer it is.
        reply.options[.clientIdentifier] = message.options[.clientIdentifier]
        return reply
    }

    private func describeNetwork(in reply: inout DHCPMessage) {
        reply.options.set(.subnetMask, settings.network.mask)
        if let router = settings.router { reply.options.set(.router, router) }
        if !settings.nameServers.isEmpty { reply.options.set(.domainNameServer, settings.nameServers) }
        if !settings.domainName.isEmpty { reply.options.set(.domainName, settings.domainName) }
        reply.options.set(.broadcastAddress, settings.network.broadcast)
    }
}
