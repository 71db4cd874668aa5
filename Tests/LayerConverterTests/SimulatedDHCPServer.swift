import Wire

/// A DHCP server for tests, simple and strict: it grants what it offered or leased before, and refuses the
/// rest.
final class SimulatedDHCPServer {
    let mac: MACAddress
    let address: IPv4Address
    var isAlive = true
    var leaseTime: Duration = .seconds(3600)
    /// Free addresses, the next to be offered first.
    var free: [IPv4Address]
    var leases: [MACAddress: IPv4Address] = [:]
    private var offers: [MACAddress: IPv4Address] = [:]
    private(set) var heard: [DHCPMessage.MessageType] = []
    private(set) var declined: [IPv4Address] = []

    init(_ address: IPv4Address, _ mac: MACAddress, lending free: [IPv4Address]) {
        self.address = address
        self.mac = mac
        self.free = free
    }

    /// The frames that answer a frame.
    func receive(_ bytes: [UInt8]) -> [[UInt8]] {
        guard isAlive, let frame = EthernetFrame(bytes.rawSpan), frame.source != mac,
            frame.destination == mac || frame.destination.isGroup
        else { return [] }
        if frame.etherType == .arp {
            var reader = ByteReader(frame.payload)
            guard let packet = try? ARPPacket(parsing: &reader), packet.operation == .request,
                packet.targetAddress == address
            else { return [] }
            return [packet.reply(from: mac).frame(to: packet.senderMAC)]
        }
        guard let packet = IPv4Packet(frame.payload), packet.hasValidChecksum,
            let datagram = UDPDatagram(packet.payload), datagram.destinationPort == 67,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        else { return [] }
        var reader = ByteReader(datagram.payload)
        guard let message = try? DHCPMessage(parsing: &reader), let answer = answer(to: message) else {
            return []
        }
        return [
            UDPFrame(
                from: UDPEndpoint(mac: mac, address: address, port: 67),
                to: UDPEndpoint(mac: message.chaddr, address: answer.yiaddr, port: 68), payload: answer.bytes
            ).bytes
        ]
    }

    private func answer(to message: DHCPMessage) -> DHCPMessage? {
        heard.append(message.type)
        switch message.type {
        case .discover: return offer(message)
        case .request: return grant(message)
        case .release:
            if let address = leases.removeValue(forKey: message.chaddr) { free.append(address) }
            return nil
        case .decline:
            if let address = leases.removeValue(forKey: message.chaddr) { declined.append(address) }
            return nil
        case _: return nil
        }
    }

    private func offer(_ message: DHCPMessage) -> DHCPMessage? {
        let held = leases[message.chaddr] ?? offers[message.chaddr]
        if let held { return reply(.offer, held, to: message) }
        guard !free.isEmpty else { return nil }
        let wish = message.options.address(.requestedAddress).flatMap { free.firstIndex(of: $0) }
        let address = free.remove(at: wish ?? 0)
        offers[message.chaddr] = address
        return reply(.offer, address, to: message)
    }

    private func grant(_ message: DHCPMessage) -> DHCPMessage? {
        if let server = message.options.address(.serverIdentifier), server != address {
            if let offer = offers.removeValue(forKey: message.chaddr) { free.append(offer) }
            return nil
        }
        guard let wanted = message.options.address(.requestedAddress) ?? Optional(message.ciaddr) else {
            return nil
        }
        guard leases[message.chaddr] == wanted || offers[message.chaddr] == wanted else {
            return reply(.nak, .any, to: message)
        }
        offers[message.chaddr] = nil
        leases[message.chaddr] = wanted
        return reply(.ack, wanted, to: message)
    }

    private func reply(
        _ type: DHCPMessage.MessageType, _ address: IPv4Address, to message: DHCPMessage
    ) -> DHCPMessage {
        var reply = DHCPMessage(.bootReply, type, xid: message.xid, chaddr: message.chaddr)
        reply.yiaddr = address
        reply.options.set(.serverIdentifier, self.address)
        guard type != .nak else { return reply }
        reply.options.set(.leaseTime, leaseTime)
        reply.options.set(.subnetMask, IPv4Address("255.255.255.0")!)
        reply.options.set(.router, serverA)
        return reply
    }
}
