/// A report of MLDv2, RFC 3810 §5.2: which groups a host listens to, for switches that send groups only where
/// they are wanted (RFC 4541 §3). Its sources are none: all of a group is wanted.
public struct MulticastListenerReport: Equatable, Sendable {
    /// ff02::16, where all routers of MLDv2 listen.
    public static let destination = IPv6Address(0xff02_0000_0000_0000, 0x16)
    public static let query: UInt8 = 130

    /// RFC 3810 §5.2.12.
    public enum Kind: UInt8, Sendable {
        /// The answer to a query.
        case isExclude = 2
        /// News.
        case toExclude = 4
    }

    public var kind: Kind
    public var groups: [IPv6Address]

    public init(_ kind: Kind, _ groups: [IPv6Address]) {
        self.kind = kind
        self.groups = groups
    }

    /// The packet, with Hop Limit 1 and the router alert option (RFC 2711) in front of the message.
    public func packet(from source: IPv6Address) -> [UInt8] {
        let alert: [UInt8] = [IPProtocol.icmpV6.rawValue, 0, 5, 2, 0, 0, 1, 0]
        var message: [UInt8] = [143, 0, 0, 0, 0, 0]
        message.appendBigEndian(UInt16(groups.count))
        for group in groups {
            message += [kind.rawValue, 0, 0, 0]
            message.append(group)
        }
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            from: source, to: Self.destination, carrying: .icmpV6, length: message.count)
        sum.add(message.rawSpan)
        (message[2], message[3]) = (UInt8(sum.value >> 8), UInt8(sum.value & 0xff))
        var output: [UInt8] = []
        output.appendBigEndian(0x6000_0000 as UInt32)
        output.appendBigEndian(UInt16(alert.count + message.count))
        output += [0, 1]
        output.append(source)
        output.append(Self.destination)
        return output + alert + message
    }
}
