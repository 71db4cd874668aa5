import LayerConverter
import Wire

/// A host of the hub that speaks IPv6, and a router if it has something to advertise, and a DHCPv6 server if
/// it has addresses.
final class SimulatedNode {
    let mac: MACAddress
    var addresses: [IPv6Address]
    /// Answers router solicitations with it.
    var advertisement: NeighborDiscovery?
    /// What a DHCPv6 client is given; nil: none is served.
    var lease: DHCPv6Association.Address?
    var t1: UInt32 = 1800
    var t2: UInt32 = 2880
    var dns: [IPv6Address] = []
    var isSilent = false
    /// Also when it looks for whether an address is free.
    var claims: Set<IPv6Address> = []
    private(set) var heard: [NeighborDiscovery.Message] = []
    private(set) var dhcp: [DHCPv6Message] = []
    private let duid: [UInt8]

    init(_ number: UInt64, _ addresses: [String] = []) {
        mac = MACAddress(0x0200_0000_0000 | number)
        duid = [0, 3, 0, 1] + mac.octets
        self.addresses = addresses.map { IPv6Address($0)! }
    }

    var linkLocal: IPv6Address { .linkLocal(interface: mac.interfaceIdentifier) }

    func receive(_ bytes: [UInt8], at now: Instant) -> [[UInt8]] {
        guard !isSilent, let frame = EthernetFrame(bytes.rawSpan), frame.source != mac,
            frame.etherType == .ipv6, frame.destination == mac || frame.destination.isGroup,
            let packet = IPv6Packet(frame.payload)
        else { return [] }
        if packet.nextHeader == .udp { return receiveDHCP(packet, from: frame.source) }
        guard let message = try? NeighborDiscovery(receiving: packet) else { return [] }
        heard.append(message.message)
        switch message.message {
        case .routerSolicitation: return advertisement.map { [self.frame(of: $0)] } ?? []
        case .neighborSolicitation(let target):
            guard target == linkLocal || addresses.contains(target) || claims.contains(target) else {
                return []
            }
            return [answer(for: target, to: packet.source)]
        case .routerAdvertisement, .neighborAdvertisement: return []
        }
    }

    /// To all nodes.
    func frame(of advertisement: NeighborDiscovery) -> [UInt8] {
        IPv6Datagram(advertisement, from: linkLocal, to: .allNodes)
            .frame(to: .multicast(.allNodes), from: mac)
    }

    /// A question for the neighbour `target`, or whether the address is free.
    func question(for target: IPv6Address, isProbe: Bool = false) -> [UInt8] {
        let message = NeighborDiscovery(
            .neighborSolicitation(target: target), options: isProbe ? [] : [.source(mac)])
        return IPv6Datagram(message, from: isProbe ? .any : linkLocal, to: target.solicitedNode)
            .frame(to: .multicast(target.solicitedNode), from: mac)
    }

    private func answer(for target: IPv6Address, to source: IPv6Address) -> [UInt8] {
        let flags: NeighborDiscovery.AdvertisementFlags =
            source == .any ? [.override] : [.solicited, .override]
        let message = NeighborDiscovery(
            .neighborAdvertisement(target: target, flags: flags), options: [.target(mac)])
        return IPv6Datagram(message, from: target, to: source == .any ? .allNodes : source)
            .frame(to: source == .any ? .multicast(.allNodes) : clientMAC, from: mac)
    }

    private func receiveDHCP(_ packet: borrowing IPv6Packet, from client: MACAddress) -> [[UInt8]] {
        guard let datagram = UDPDatagram(packet.payload), packet.destination == .allDHCPServers,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        else { return [] }
        var reader = ByteReader(datagram.payload)
        guard let message = try? DHCPv6Message(parsing: &reader) else { return [] }
        dhcp.append(message)
        guard let answer = answer(to: message) else { return [] }
        let reply = IPv6Datagram(
            udp: answer.bytes, from: linkLocal, port: DHCPv6Message.serverPort, to: packet.source,
            port: DHCPv6Message.clientPort)
        return [reply.frame(to: client, from: mac)]
    }

    private func answer(to message: DHCPv6Message) -> DHCPv6Message? {
        guard let client = message.options[.clientIdentifier] else { return nil }
        var options = [DHCPv6Option(.clientIdentifier, client), DHCPv6Option(.serverIdentifier, duid)]
        if !dns.isEmpty {
            var value: [UInt8] = []
            dns.forEach { value.append($0) }
            options.append(DHCPv6Option(.nameServers, value))
        }
        if message.type == .informationRequest {
            return dns.isEmpty
                ? nil : DHCPv6Message(.reply, transactionID: message.transactionID, options: options)
        }
        guard let lease, let wanted = message.options[.identityAssociation],
            let id = try? DHCPv6Association(parsing: wanted).id
        else { return nil }
        options.append(DHCPv6Association(id: id, t1: t1, t2: t2, addresses: [lease]).option)
        let type: DHCPv6Message.MessageType = message.type == .solicit ? .advertise : .reply
        return DHCPv6Message(type, transactionID: message.transactionID, options: options)
    }
}

/// What a router advertises.
func advertisement(
    _ prefixes: [PrefixInformation] = [], lifetime: Int = 1800, flags: UInt8 = 0,
    options: [NeighborDiscovery.Option] = []
) -> NeighborDiscovery {
    let router = NeighborDiscovery.RouterAdvertisement(
        hopLimit: 64, flags: flags, routerLifetime: .seconds(lifetime), reachableTime: .zero,
        retransmitTimer: .zero)
    return NeighborDiscovery(
        .routerAdvertisement(router), options: prefixes.map { .init($0) } + options)
}

func prefix(
    _ text: String, valid: UInt32 = 86400, preferred: UInt32 = 14400, isOnLink: Bool = true,
    isAutonomous: Bool = true
) -> PrefixInformation {
    PrefixInformation(
        IPv6Prefix(text)!, isOnLink: isOnLink, isAutonomous: isAutonomous, validLifetime: valid,
        preferredLifetime: preferred)
}

/// An IPv6 packet with a UDP datagram.
func packet(from source: IPv6Address, to destination: IPv6Address, _ payload: [UInt8] = [1, 2, 3]) -> [UInt8]
{
    IPv6Datagram(udp: payload, from: source, port: 1000, to: destination, port: 2000).bytes
}
