public import Wire

/// Puts a DHCP server on an Ethernet segment: frames in, frames and lease records out. Takes only messages to
/// the server's UDP port, and says so.
public struct DHCPPort: Sendable {
    public enum Output: Equatable, Sendable {
        /// As `DHCPServer.Output.leaseChanged`.
        case leaseChanged(LeaseRecord)
        case send([UInt8])
    }

    public private(set) var server: DHCPServer
    /// DHCP messages that were none: truncated, or with a bad checksum.
    public private(set) var malformed = 0
    /// As `DHCPServer.reserved`.
    public var reserved: Set<IPv4Address> {
        get { server.reserved }
        set { server.reserved = newValue }
    }
    private let endpoint: UDPEndpoint

    /// `mac` is what the server's frames are sent from.
    public init(_ server: DHCPServer, mac: MACAddress) {
        self.server = server
        let address = server.settings.network.address
        endpoint = UDPEndpoint(mac: mac, address: address, port: DHCPMessage.serverPort)
    }

    /// A whole frame; what is no message to the server is ignored.
    public mutating func receive(frame bytes: RawSpan, at now: Moment) {
        guard let frame = EthernetFrame(bytes), frame.etherType == .ipv4,
            let packet = IPv4Packet(frame.payload), packet.hasValidChecksum
        else { return }
        _ = receive(packet, at: now)
    }

    /// False if the packet is not for a DHCP server, and was not looked at further.
    mutating func receive(
        _ packet: borrowing IPv4Packet, at now: Moment, user: (IPv4Address) -> MACAddress? = { _ in nil }
    ) -> Bool {
        let destination = packet.destination
        let network = server.settings.network
        let isBroadcast = destination == .broadcast || destination == network.broadcast
        guard packet.protocol == .udp, !packet.isFragment, isBroadcast || destination == network.address,
            let datagram = UDPDatagram(packet.payload), datagram.destinationPort == DHCPMessage.serverPort
        else { return false }
        var reader = ByteReader(datagram.payload)
        guard datagram.hasValidChecksum(from: packet.source, to: destination),
            let message = try? DHCPMessage(parsing: &reader)
        else {
            malformed &+= 1
            return true
        }
        server.receive(message, wasBroadcast: isBroadcast, at: now, user: user)
        return true
    }

    public mutating func nextOutput() -> Output? {
        switch server.nextOutput() {
        case nil: nil
        case .leaseChanged(let record): .leaseChanged(record)
        case .send(let message, let destination): .send(frame(message, destination))
        }
    }

    private func frame(_ message: DHCPMessage, _ destination: DHCPServer.Destination) -> [UInt8] {
        let (mac, address): (MACAddress, IPv4Address) =
            switch destination {
            case .broadcast: (.broadcast, .broadcast)
            case .host(let address, let mac): (mac, address)
            }
        let client = UDPEndpoint(mac: mac, address: address, port: DHCPMessage.clientPort)
        return UDPFrame(from: endpoint, to: client, payload: message.bytes).bytes
    }
}
