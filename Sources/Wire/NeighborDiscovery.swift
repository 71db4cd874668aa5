/// A Neighbor Discovery message of ICMPv6, RFC 4861 §4: what asks for and tells link-layer addresses and
/// routers. Redirect is not among them. That the packet's Hop Limit is 255 and that its checksum is right
/// (§6.1, §7.1) is for the caller to judge, who has the packet.
public struct NeighborDiscovery: Equatable, Sendable {
    public enum Message: Equatable, Sendable {
        case routerSolicitation
        case routerAdvertisement(RouterAdvertisement)
        case neighborSolicitation(target: IPv6Address)
        case neighborAdvertisement(target: IPv6Address, flags: AdvertisementFlags)
    }

    public struct RouterAdvertisement: Equatable, Sendable {
        /// Addresses, or else other configuration, by DHCPv6: RFC 4861 §4.2.
        public static let managed: UInt8 = 0x80
        public static let otherConfiguration: UInt8 = 0x40

        public var hopLimit: UInt8
        /// M and O in the two upper bits, the preference (RFC 4191 §2.2) in bits 3 and 4.
        public var flags: UInt8
        public var routerLifetime: Duration
        public var reachableTime: Duration
        public var retransmitTimer: Duration

        public init(
            hopLimit: UInt8, flags: UInt8, routerLifetime: Duration, reachableTime: Duration,
            retransmitTimer: Duration
        ) {
            self.hopLimit = hopLimit
            self.flags = flags
            self.routerLifetime = routerLifetime
            self.reachableTime = reachableTime
            self.retransmitTimer = retransmitTimer
        }
    }

    /// R, S and O of a Neighbor Advertisement, §4.4.
    public struct AdvertisementFlags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let router = AdvertisementFlags(rawValue: 0x80)
        public static let solicited = AdvertisementFlags(rawValue: 0x40)
        public static let override = AdvertisementFlags(rawValue: 0x20)
    }

    /// §4.6. The value is what follows type and length.
    public struct Option: Equatable, Sendable {
        public static let sourceLinkLayerAddress: UInt8 = 1
        public static let targetLinkLayerAddress: UInt8 = 2
        /// Type, length and value: the length counts units of eight octets in one octet.
        public static let mostOctets = 255 * 8

        public var type: UInt8
        public var value: [UInt8]

        public init(type: UInt8, value: [UInt8]) {
            self.type = type
            self.value = value
        }
    }

    public var message: Message
    public var options: [Option]

    public init(_ message: Message, options: [Option] = []) {
        self.message = message
        self.options = options
    }
}

extension NeighborDiscovery {
    /// Reads from the ICMPv6 type to the end of the packet. Another type is `badValue`, an option of length
    /// zero `badLength`.
    public init(parsing input: inout ByteReader) throws(WireError) {
        let type = try input.read(UInt8.self)
        guard try input.read(UInt8.self) == 0 else { throw .badValue }
        _ = try input.read(UInt16.self)
        let word = try input.read(UInt32.self)
        switch type {
        case 133: message = .routerSolicitation
        case 134:
            message = .routerAdvertisement(
                RouterAdvertisement(
                    hopLimit: UInt8(word >> 24), flags: UInt8(word >> 16 & 0xff),
                    routerLifetime: .seconds(Int64(word & 0xffff)),
                    reachableTime: .milliseconds(Int64(try input.read(UInt32.self))),
                    retransmitTimer: .milliseconds(Int64(try input.read(UInt32.self)))))
        case 135: message = .neighborSolicitation(target: try input.readIPv6Address())
        case 136:
            message = .neighborAdvertisement(
                target: try input.readIPv6Address(), flags: AdvertisementFlags(rawValue: UInt8(word >> 24)))
        case _: throw .badValue
        }
        options = []
        while input.remaining > 0 {
            let type = try input.read(UInt8.self)
            let length = Int(try input.read(UInt8.self)) * 8
            guard length > 0, length - 2 <= input.remaining else { throw .badLength }
            options.append(Option(type: type, value: try input.take(length - 2)))
        }
    }

    /// Writes the message with a zero checksum: `ICMPv6` packets get theirs from the IP layer's addresses.
    public func serialize(into output: inout [UInt8]) {
        output += [type, 0, 0, 0]
        switch message {
        case .routerSolicitation: output.appendZeros(4)
        case .routerAdvertisement(let router):
            output += [router.hopLimit, router.flags]
            output.appendBigEndian(UInt16(clamping: router.routerLifetime.components.seconds))
            output.appendBigEndian(Self.milliseconds(router.reachableTime))
            output.appendBigEndian(Self.milliseconds(router.retransmitTimer))
        case .neighborSolicitation(let target):
            output.appendZeros(4)
            output.append(target)
        case .neighborAdvertisement(let target, let flags):
            output += [flags.rawValue, 0, 0, 0]
            output.append(target)
        }
        for option in options {
            let units = (option.value.count + 2 + 7) / 8
            precondition(
                units * 8 <= Option.mostOctets, "an ND option is at most \(Option.mostOctets) octets long")
            output += [option.type, UInt8(units)]
            output += option.value
            output.appendZeros(units * 8 - 2 - option.value.count)
        }
    }

    private var type: UInt8 {
        switch message {
        case .routerSolicitation: 133
        case .routerAdvertisement: 134
        case .neighborSolicitation: 135
        case .neighborAdvertisement: 136
        }
    }

    private static func milliseconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        return UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
