/// An ARP packet for IPv4 over Ethernet, RFC 826. Other hardware or protocol types are refused.
///
/// The layout: hardware type 1, protocol type 0x0800, lengths 6 and 4, operation, and two pairs of addresses.
/// Whether the sender speaks the truth is not judged here.
public struct ARPPacket: Equatable, Sendable {
    /// ar$op. Unknown values are kept.
    public struct Operation: RawRepresentable, Equatable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static let request = Operation(rawValue: 1)
        public static let reply = Operation(rawValue: 2)
    }

    public static let length = 28

    public var operation: Operation
    public var senderMAC: MACAddress
    public var senderAddress: IPv4Address
    public var targetMAC: MACAddress
    public var targetAddress: IPv4Address

    /// Asks who has `target`.
    public static func request(for target: IPv4Address, from mac: MACAddress, _ address: IPv4Address) -> Self
    {
        Self(
            operation: .request, senderMAC: mac, senderAddress: address, targetMAC: MACAddress(0),
            targetAddress: target)
    }

    /// Asks who has `address` without claiming it, RFC 5227 §1.1.
    public static func probe(for address: IPv4Address, from mac: MACAddress) -> Self {
        request(for: address, from: mac, .any)
    }

    /// Claims `address` for all to hear (gratuitous ARP), RFC 5227 §1.1.
    public static func announcement(of address: IPv4Address, at mac: MACAddress) -> Self {
        request(for: address, from: mac, address)
    }

    /// Answers this request: its target is at `mac`.
    public func reply(from mac: MACAddress) -> Self {
        Self(
            operation: .reply, senderMAC: mac, senderAddress: targetAddress, targetMAC: senderMAC,
            targetAddress: senderAddress)
    }

    /// The sender claims its own address without being asked for another's.
    public var isGratuitous: Bool { senderAddress == targetAddress && senderAddress != .any }
}

extension ARPPacket {
    public init(parsing input: inout ByteReader) throws(WireError) {
        let hardwareType = try input.read(UInt16.self)
        let protocolType = try input.read(UInt16.self)
        let lengths = try input.read(UInt16.self)
        guard lengths == 0x0604 else { throw .badLength }
        guard hardwareType == 1, protocolType == EtherType.ipv4.rawValue else { throw .badValue }
        operation = Operation(rawValue: try input.read(UInt16.self))
        senderMAC = try input.readMACAddress()
        senderAddress = try input.readIPv4Address()
        targetMAC = try input.readMACAddress()
        targetAddress = try input.readIPv4Address()
    }

    public func serialize(into output: inout [UInt8]) {
        output.appendBigEndian(1 as UInt16)
        output.appendBigEndian(EtherType.ipv4.rawValue)
        output.appendBigEndian(0x0604 as UInt16)
        output.appendBigEndian(operation.rawValue)
        output.append(senderMAC)
        output.appendBigEndian(senderAddress.bits)
        output.append(targetMAC)
        output.appendBigEndian(targetAddress.bits)
    }

    /// The whole Ethernet frame that carries this packet to `destination`.
    public func frame(to destination: MACAddress) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(EthernetFrame.headerLength + Self.length)
        output.appendEthernetHeader(to: destination, from: senderMAC, carrying: .arp)
        serialize(into: &output)
        return output
    }
}
