import Wire

/// An input as a list of steps: an octet that names one, then its arguments. What is missing at the end is
/// zero.
struct FuzzScript {
    static let maxSteps = 256

    private var rest: ArraySlice<UInt8>
    private var steps = 0

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func step() -> UInt8? {
        guard steps < Self.maxSteps else { return nil }
        steps += 1
        return rest.popFirst()
    }

    mutating func octet() -> UInt8 { rest.popFirst() ?? 0 }
    mutating func word() -> UInt16 { UInt16(octet()) << 8 | UInt16(octet()) }

    /// One octet tells how many; what cannot be had in one octet comes by repeating.
    mutating func octets() -> [UInt8] {
        let found = Array(rest.prefix(Int(octet()) + (Int(octet()) << 8) & 0x7ff))
        rest = rest.dropFirst(found.count)
        return found
    }

    /// One of the few addresses that a segment has, so that they meet.
    mutating func address() -> IPv4Address {
        let octet = octet()
        switch octet {
        case 0: return .any
        case 255: return .broadcast
        case 250...254: return IPv4Address(UInt32(word()) << 16 | UInt32(word()))
        case _: return IPv4Address(0xc0a8_1e00 | UInt32(octet))
        }
    }

    mutating func mac() -> MACAddress {
        let octet = octet()
        return octet == 255 ? .broadcast : MACAddress(0x0200_0000_0000 | UInt64(octet))
    }

    mutating func dhcpOptions() -> DHCPOptions {
        var options = DHCPOptions()
        for _ in 0..<octet() & 15 {
            let code = octet()
            // These make up the message and are no options of it.
            guard ![0, 52, 53, 255].contains(code) else { continue }
            options[DHCPOptionCode(rawValue: code)] = octets()
        }
        return options
    }

    mutating func arp() -> [UInt8] {
        let operation = ARPPacket.Operation(rawValue: UInt16(octet() & 3))
        let sender = mac()
        var packet = ARPPacket.request(for: address(), from: sender, address())
        packet.operation = operation
        packet.targetMAC = mac()
        var frame: [UInt8] = []
        // Now and then the frame comes from another than the packet says.
        frame.appendEthernetHeader(to: mac(), from: octet() == 7 ? mac() : sender, carrying: .arp)
        packet.serialize(into: &frame)
        return frame
    }
}
