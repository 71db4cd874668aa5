import Wire

/// What a DHCP client knows and says, whatever its state: its messages as in RFC 2131 §4.4.1, table 5.
struct DHCPExchange {
    /// Addresses that may be found in use before we give up.
    static let maxDeclines = 3

    /// Option 55. Classless routes stand before the router, as RFC 3442 demands.
    static let parameters: [DHCPOptionCode] = [
        .subnetMask, .classlessStaticRoutes, .router, .domainNameServer, .domainName, .interfaceMTU,
        .netBIOSNameServer, .leaseTime, .renewalTime, .rebindingTime,
    ]

    /// Option 57: 1500.
    static let maxMessageSize: [UInt8] = [0x05, 0xdc]

    let identity: DHCPIdentity
    let timing: AddressTiming
    var random: SplitMix64
    var outputs: [DHCPClient.Output] = []
    private(set) var xid: UInt32 = 0
    private var startedAt = Instant(nanoseconds: 0)
    /// When the first DHCPREQUEST of this transaction was sent: a lease counts from there.
    private var requestedAt = Instant(nanoseconds: 0)
    private(set) var declined: [IPv4Address] = []
    /// What to tell if no address comes.
    var refusal = AddressRefusal.noServerAnswered

    init(_ identity: DHCPIdentity, _ timing: AddressTiming, seed: UInt64) {
        self.identity = identity
        self.timing = timing
        random = SplitMix64(seed: seed)
    }

    var giveUpAt: Instant { startedAt + timing.giveUp }

    /// The wish, unless another host was found to have it.
    var wish: IPv4Address? { identity.wish.flatMap { declined.contains($0) ? nil : $0 } }

    mutating func begin(at now: Instant) { startedAt = now }

    mutating func beginTransaction() { xid = UInt32.random(in: 1 ... .max, using: &random) }

    /// A message for us, of the transaction under way.
    func isExpected(_ message: DHCPMessage) -> Bool {
        message.op == .bootReply && message.xid == xid && message.chaddr == identity.mac
    }

    /// What the message grants, unless we cannot use it or know that it is taken.
    func lease(_ message: DHCPMessage) -> AddressLease? {
        AddressLease(message, at: requestedAt).flatMap { declined.contains($0.address) ? nil : $0 }
    }

    /// Nothing better is known than that the server which offered this does not confirm it.
    mutating func noteSilence(after offer: AddressLease) {
        guard let server = offer.server, refusal == .noServerAnswered else { return }
        refusal = .offerNotConfirmed(server: server)
    }

    func nakText(_ message: DHCPMessage) -> String? { message.options.text(.message) }
}

extension DHCPExchange {
    mutating func sendDiscover(at now: Instant) {
        var message = message(.discover, at: now)
        if let wish { message.options.set(.requestedAddress, wish) }
        addParameters(to: &message)
        outputs.append(.broadcast(message))
    }

    /// SELECTING: takes up the offer.
    mutating func sendRequest(for offer: AddressLease, at now: Instant, isFirst: Bool) {
        if isFirst { requestedAt = now }
        var message = message(.request, at: now)
        message.options.set(.requestedAddress, offer.address)
        if let server = offer.server { message.options.set(.serverIdentifier, server) }
        addParameters(to: &message)
        outputs.append(.broadcast(message))
    }

    /// INIT-REBOOT: asks for the former address, whoever leased it.
    mutating func sendRebootRequest(for address: IPv4Address, at now: Instant, isFirst: Bool) {
        if isFirst { requestedAt = now }
        var message = message(.request, at: now)
        message.options.set(.requestedAddress, address)
        addParameters(to: &message)
        outputs.append(.broadcast(message))
    }

    /// RENEWING, to the server that leased it, or REBINDING, to all.
    mutating func sendExtension(
        of lease: AddressLease, to server: IPv4Address?, at now: Instant, isFirst: Bool
    ) {
        if isFirst {
            requestedAt = now
            startedAt = now
        }
        var message = message(.request, at: now)
        message.ciaddr = lease.address
        addParameters(to: &message)
        outputs.append(server.map { .unicast(message, to: $0) } ?? .broadcast(message))
    }

    mutating func sendDecline(of lease: AddressLease, at now: Instant) {
        declined.append(lease.address)
        refusal = .noFreeAddress
        beginTransaction()
        var message = message(.decline, at: now)
        message.secs = 0
        message.options.set(.requestedAddress, lease.address)
        if let server = lease.server { message.options.set(.serverIdentifier, server) }
        outputs.append(.broadcast(message))
    }

    mutating func sendRelease(of lease: AddressLease, at now: Instant) {
        guard let server = lease.server else { return }
        beginTransaction()
        var message = message(.release, at: now)
        message.secs = 0
        message.ciaddr = lease.address
        message.options.set(.serverIdentifier, server)
        outputs.append(.unicast(message, to: server))
    }

    private func message(_ type: DHCPMessage.MessageType, at now: Instant) -> DHCPMessage {
        var message = DHCPMessage(.bootRequest, type, xid: xid, chaddr: identity.mac)
        message.secs = UInt16(clamping: startedAt.duration(to: now).components.seconds)
        message.options[.clientIdentifier] = identity.clientIdentifier
        return message
    }

    private func addParameters(to message: inout DHCPMessage) {
        if let hostName = identity.wireHostName { message.options[.hostName] = hostName }
        if let vendorClass = identity.vendorClass { message.options.set(.vendorClass, vendorClass) }
        message.options[.maximumMessageSize] = Self.maxMessageSize
        message.options[.parameterRequestList] = Self.parameters.map(\.rawValue)
    }
}
