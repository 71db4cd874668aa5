public import Wire

/// Lifts one layer-3 client onto Ethernet: it stands on the hub as a host with the MAC address that it was
/// lent, gets its IPv4 address by DHCP (RFC 2131) or from the user's record, answers and asks ARP (RFC 826)
/// for it, and gives the address back at the end. It does no IO, reads no clock, and belongs to one lane.
///
/// Control plane: one input (`start`, `receive`, `handleTimeout`, `close`), then `nextOutput` until nil,
/// then wait until `deadline`. Data path: `lift` and `lower`, in place; after a batch look at `hasOutput`
/// and `deadline`.
///
/// IPv6 (`IPv6Host`) comes beside IPv4 where the owner asks for it. It never decides whether a session opens,
/// and on a hub without it a few router solicitations are all that it costs: `addressReady` waits for IPv6
/// only where a router has been heard already, or is expected, because the hub had one a short time ago; and
/// then for `AddressTiming.ipv6Patience` at most. That is what gives IPv6 to clients that are told everything
/// once; others hear of what comes later by `ipv6Changed`.
///
/// Networks behind the client, VLAN tags and fragments' reassembly are not its business.
public struct LayerConverter: ~Copyable {
    public enum Addressing: Sendable {
        case dhcp(DHCPIdentity)
        /// The address of the user's record, for the host with this MAC address.
        case fixed(AddressLease, mac: MACAddress)
    }

    public enum Output: Equatable, Sendable {
        case sendFrame([UInt8])
        /// The client may be told its address; packets flow from now on.
        case addressReady(AddressLease)
        /// The address is the same; anything else may have changed.
        case leaseRenewed(AddressLease)
        /// The session ends.
        case refused(AddressRefusal)
        /// The session ends.
        case addressLost(AddressLoss)
        /// Another host uses our address; it was told to stop. At most one in `defendInterval`.
        case conflictSeen(AddressConflict)
        /// A packet for the client: what the routers of the hub say.
        case sendPacket([UInt8])
        /// `ipv6Network` is another one. What is known when a session opens comes before `addressReady`.
        case ipv6Changed
    }

    /// DEFEND_INTERVAL of RFC 5227 §1.1.
    static let defendInterval: Duration = .seconds(10)

    public let mac: MACAddress
    /// The address that is ours now.
    public internal(set) var lease: AddressLease?
    /// Frames given to `receive` that were no messages or not worth believing.
    public internal(set) var ignoredFrames: UInt64 = 0

    let timing: AddressTiming
    /// Whether the address stands in the user's record.
    let isFixed: Bool
    private var fixed: AddressLease?
    var dhcp: DHCPClient
    var probe: AddressProbe?
    var outputs: [Output] = []

    /// Our address, or zero.
    var addressBits: UInt32 = 0
    var cache = NextHopCache()
    var routes: RouteTable?
    var neighbors = NeighborTable<IPv4Address>()
    var pending = PendingPackets<IPv4Address>()
    /// From where the last DHCPACK came: the way to the server, even if it does not answer ARP.
    private var serverMAC: MACAddress?
    private var lastDefence: Instant?

    /// Nil until it is asked for.
    var ipv6: IPv6Host?
    private let seed: UInt64
    private var ipv6IsExpected = false
    /// The address is there, and until then IPv6 is waited for.
    private var readyBy: Instant?

    /// `seed`: a random number, from which transaction identifiers and delays are made.
    public init(_ addressing: Addressing, timing: AddressTiming = AddressTiming(), seed: UInt64) {
        self.timing = timing
        self.seed = seed
        switch addressing {
        case .dhcp(let identity):
            isFixed = false
            mac = identity.mac
            dhcp = DHCPClient(identity, timing: timing, seed: seed)
        case .fixed(let lease, let mac):
            isFixed = true
            self.mac = mac
            fixed = lease
            dhcp = DHCPClient(DHCPIdentity(mac: mac), timing: timing, seed: seed)
        }
    }

    /// When `handleTimeout` must be called; nil while there is nothing to wait for.
    public var deadline: Instant? {
        var earliest = dhcp.deadline
        func note(_ other: Instant?) {
            if let other { earliest = min(earliest ?? other, other) }
        }
        note(probe?.deadline)
        note(neighbors.deadline)
        note(ipv6?.deadline)
        note(readyBy)
        return earliest
    }

    public var hasOutput: Bool { !outputs.isEmpty }

    public mutating func start(at now: Instant) {
        if let fixed {
            beginProbe(for: fixed.address, at: now)
        } else {
            dhcp.start(at: now)
            drainDHCP(at: now)
        }
    }

    /// A frame for which `lower` said `consume`; others are ignored.
    public mutating func receive(_ frame: RawSpan, at now: Instant) {
        guard let frame = EthernetFrame(frame), frame.source != mac, !frame.source.isGroup else {
            ignoredFrames &+= 1
            return
        }
        var isUsed = false
        if frame.etherType == .arp {
            isUsed = receivedARP(frame, at: now)
        } else if frame.etherType == .ipv4 {
            isUsed = receivedDHCP(frame, at: now)
        } else if frame.etherType == .ipv6 {
            isUsed = ipv6?.receive(frame, at: now) ?? false
            drainIPv6(at: now)
        }
        if !isUsed { ignoredFrames &+= 1 }
    }

    public mutating func handleTimeout(at now: Instant) {
        dhcp.handleTimeout(at: now)
        drainDHCP(at: now)
        runProbe(at: now)
        for address in neighbors.handleTimeout(at: now) {
            _ = pending.take(for: address)
            cache.removeAll()
        }
        sendQuestions()
        if let due = ipv6?.deadline, now >= due { ipv6?.handleTimeout(at: now) }
        drainIPv6(at: now)
    }

    /// Gives leased addresses back and ends; nothing flows any more. The frames that say so are still to be
    /// taken from `nextOutput`.
    public mutating func close(at now: Instant) {
        probe = nil
        readyBy = nil
        ipv6?.close(at: now)
        drainIPv6(at: now)
        ipv6 = nil
        dhcp.release(at: now)
        drainDHCP(at: now)
        uninstall()
    }

    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }
}

extension LayerConverter {
    private mutating func receivedDHCP(_ frame: borrowing EthernetFrame, at now: Instant) -> Bool {
        guard let packet = IPv4Packet(frame.payload), !packet.isFragment, packet.protocol == .udp,
            packet.hasValidChecksum, let datagram = UDPDatagram(packet.payload),
            datagram.sourcePort == DHCPMessage.serverPort,
            datagram.destinationPort == DHCPMessage.clientPort,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        else { return false }
        var reader = ByteReader(datagram.payload)
        guard let message = try? DHCPMessage(parsing: &reader), message.chaddr == mac, message.xid == dhcp.xid
        else { return false }
        if message.type == .ack { serverMAC = frame.source }
        dhcp.receive(message, at: now)
        drainDHCP(at: now)
        return true
    }

    private mutating func drainDHCP(at now: Instant) {
        while let output = dhcp.nextOutput() {
            switch output {
            case .broadcast(let message): send(message, to: .broadcast, .broadcast)
            case .unicast(let message, let server): send(message, to: server, wayToServer(server))
            case .probe(let address): beginProbe(for: address, at: now)
            case .bound(let lease): install(lease, at: now)
            case .renewed(let lease):
                use(lease)
                outputs.append(.leaseRenewed(lease))
            case .refused(let refusal):
                uninstall()
                outputs.append(.refused(refusal))
            case .lost(let loss):
                uninstall()
                outputs.append(.addressLost(loss))
            }
        }
    }

    private mutating func send(_ message: DHCPMessage, to address: IPv4Address, _ destination: MACAddress) {
        let frame = UDPFrame(
            from: UDPEndpoint(mac: mac, address: message.ciaddr, port: DHCPMessage.clientPort),
            to: UDPEndpoint(mac: destination, address: address, port: DHCPMessage.serverPort),
            payload: message.bytes)
        outputs.append(.sendFrame(frame.bytes))
    }

    /// A message to the server cannot wait for ARP, a release least of all.
    private func wayToServer(_ server: IPv4Address) -> MACAddress {
        routes?.nextHop(to: server).flatMap { neighbors.known($0) } ?? serverMAC ?? .broadcast
    }

    private mutating func install(_ lease: AddressLease, at now: Instant) {
        use(lease)
        outputs.append(.sendFrame(ARPPacket.announcement(of: lease.address, at: mac).frame(to: .broadcast)))
        readyBy = now
        if let ipv6, ipv6.link == nil, ipv6IsExpected || ipv6.routers.isHeard {
            readyBy = now + timing.ipv6Patience
        }
        drainIPv6(at: now)
    }

    private mutating func use(_ lease: AddressLease) {
        self.lease = lease
        addressBits = lease.address.bits
        routes = RouteTable(lease)
        cache.removeAll()
    }

    private mutating func uninstall() {
        lease = nil
        readyBy = nil
        addressBits = 0
        routes = nil
        cache.removeAll()
        neighbors.removeAll()
        pending.removeAll()
    }
}

// MARK: - IPv6

extension LayerConverter {
    /// What the client has of IPv6; nil: nothing.
    public func ipv6Network(at now: Instant) -> IPv6Network? { ipv6?.network(at: now) }

    /// How a client has IPv6.
    public enum IPv6Manner: Sendable {
        /// It is told an address.
        case told
        /// It will have a link: `joinLink`. What `ipv6Network` has of addresses until then is leased, and the
        /// client should have the lower half of it as its interface identifier.
        case link
    }

    /// Asks for IPv6 too; before `start`. `isExpected`: the hub is known to have routers.
    public mutating func startIPv6(_ manner: IPv6Manner = .told, isExpected: Bool, at now: Instant) {
        guard ipv6 == nil else { return }
        ipv6IsExpected = isExpected
        let host: IPv6Host.Manner =
            switch manner {
            case .told: .told
            case .link: .expectsLink
            }
        ipv6 = IPv6Host(mac, timing, host, seed: seed ^ 0x6)
        ipv6?.start(at: now)
        drainIPv6(at: now)
    }

    /// The client has a link, on which it forms its addresses itself. A second one takes the place of the
    /// first.
    public mutating func joinLink(_ link: IPv6Link, at now: Instant) {
        if ipv6 == nil { ipv6 = IPv6Host(mac, timing, .expectsLink, seed: seed ^ 0x6) }
        ipv6?.join(link, at: now)
        drainIPv6(at: now)
    }

    mutating func drainIPv6(at now: Instant) {
        while let output = ipv6?.nextOutput() {
            switch output {
            case .sendFrame(let frame): outputs.append(.sendFrame(frame))
            case .sendPacket(let packet): outputs.append(.sendPacket(packet))
            case .changed: outputs.append(.ipv6Changed)
            }
        }
        guard let readyBy, let lease, now >= readyBy || ipv6?.isSettled ?? true else { return }
        self.readyBy = nil
        outputs.append(.addressReady(lease))
    }
}

extension LayerConverter {
    private mutating func beginProbe(for address: IPv4Address, at now: Instant) {
        probe = AddressProbe(address, timing, at: now)
        runProbe(at: now)
    }

    private mutating func runProbe(at now: Instant) {
        while let output = probe?.handleTimeout(at: now) {
            switch output {
            case .sendProbe:
                guard let address = probe?.address else { return }
                outputs.append(.sendFrame(ARPPacket.probe(for: address, from: mac).frame(to: .broadcast)))
            case .addressIsFree: endProbe(at: now)
            }
        }
    }

    private mutating func endProbe(with conflict: AddressConflict? = nil, at now: Instant) {
        probe = nil
        if isFixed {
            if let conflict {
                outputs.append(.refused(.addressInUse(conflict)))
            } else if var lease = fixed {
                lease.obtainedAt = now
                install(lease, at: now)
            }
        } else {
            dhcp.probed(isFree: conflict == nil, at: now)
            drainDHCP(at: now)
        }
    }
}

extension LayerConverter {
    /// Returns whether it was an ARP packet whose sender is who it says.
    private mutating func receivedARP(_ frame: borrowing EthernetFrame, at now: Instant) -> Bool {
        var reader = ByteReader(frame.payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.senderMAC == frame.source else {
            return false
        }
        if let probe, probe.conflicts(with: packet) {
            endProbe(with: AddressConflict(address: probe.address, mac: packet.senderMAC), at: now)
            return true
        }
        guard let lease else { return true }
        if packet.senderAddress == lease.address {
            defend(AddressConflict(address: lease.address, mac: packet.senderMAC), at: now)
            return true
        }
        learn(packet, for: lease, at: now)
        if packet.operation == .request, packet.targetAddress == lease.address {
            outputs.append(.sendFrame(packet.reply(from: mac).frame(to: packet.senderMAC)))
        }
        return true
    }

    /// A gratuitous packet, a gateway's too, changes what we know, but makes nothing known.
    private mutating func learn(_ packet: ARPPacket, for lease: AddressLease, at now: Instant) {
        let address = packet.senderAddress
        guard address.isHostAddress, routes?.isNeighbor(address) == true else { return }
        let asksUs = packet.operation == .request && packet.targetAddress == lease.address
        guard neighbors.learn(address, packet.senderMAC, mayCreate: asksUs, at: now) else { return }
        cache.removeAll()
        for waiting in pending.take(for: address) {
            var frame: [UInt8] = []
            frame.reserveCapacity(Self.headroom + waiting.count)
            frame.appendEthernetHeader(to: packet.senderMAC, from: mac, carrying: .ipv4)
            frame += waiting
            outputs.append(.sendFrame(frame))
        }
    }

    /// RFC 5227 §2.4 (c): keeps the address, and says so, but not so often that two hosts quarrel for ever.
    private mutating func defend(_ conflict: AddressConflict, at now: Instant) {
        if let lastDefence, now < lastDefence + Self.defendInterval { return }
        lastDefence = now
        outputs.append(
            .sendFrame(ARPPacket.announcement(of: conflict.address, at: mac).frame(to: .broadcast)))
        outputs.append(.conflictSeen(conflict))
    }

    mutating func sendQuestions() {
        guard let lease else { return }
        while let question = neighbors.takeQuestion() {
            let request = ARPPacket.request(for: question.address, from: mac, lease.address)
            outputs.append(.sendFrame(request.frame(to: question.mac ?? .broadcast)))
        }
    }
}
