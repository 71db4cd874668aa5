public import Wire

/// The options of IPCP, RFC 1332 §3, and the name servers of RFC 1877: the peer is told its address and
/// servers, and learns ours.
public struct IPCPOptions: OptionNegotiator {
    enum OptionType {
        static let ipAddress: UInt8 = 3
        static let primaryDNS: UInt8 = 129
        static let primaryWINS: UInt8 = 130
        static let secondaryDNS: UInt8 = 131
        static let secondaryWINS: UInt8 = 132
    }

    public let network: PeerNetwork
    var sendsAddress = true

    public init(_ network: PeerNetwork) { self.network = network }

    public var request: [ConfigurationOption] {
        sendsAddress ? [ConfigurationOption(OptionType.ipAddress, network.own.bits)] : []
    }

    public func judge(_ options: [ConfigurationOption]) -> OptionJudgement {
        var verdicts = OptionVerdicts()
        for option in options {
            guard let value = option.value(UInt32.self), let right = address(for: option.type) else {
                verdicts.reject(option)
                continue
            }
            if value != right.bits { verdicts.nak(ConfigurationOption(option.type, right.bits)) }
        }
        if !options.contains(where: { $0.type == OptionType.ipAddress }) {
            verdicts.nak(ConfigurationOption(OptionType.ipAddress, network.address.bits))
        }
        return verdicts.judgement
    }

    public mutating func begin() { sendsAddress = true }
    public mutating func acknowledged(_ options: [ConfigurationOption]) {}
    public mutating func receivedNak(_ options: [ConfigurationOption]) {}
    public mutating func receivedReject(_ options: [ConfigurationOption]) { sendsAddress = false }

    private func address(for type: UInt8) -> IPv4Address? {
        switch type {
        case OptionType.ipAddress: network.address
        case OptionType.primaryDNS: network.dns.first
        case OptionType.secondaryDNS: network.dns.dropFirst().first
        case OptionType.primaryWINS: network.wins.first
        case OptionType.secondaryWINS: network.wins.dropFirst().first
        default: nil
        }
    }

    /// The address that a Configure-Request wishes for; nil where it wishes for none, or is none.
    static func wish(in request: ControlPacket) -> IPv4Address? {
        let options = (try? ConfigurationOption.list(parsing: request.data)) ?? []
        let bits = options.first { $0.type == OptionType.ipAddress }?.value(UInt32.self)
        return bits.flatMap { $0 == 0 ? nil : IPv4Address($0) }
    }
}

/// What a peer gets of the network that it joins.
public struct PeerNetwork: Hashable, Sendable {
    /// The peer's.
    public var address: IPv4Address
    /// What we call ourselves on the link.
    public var own: IPv4Address
    /// In order; the first two are told.
    public var dns: [IPv4Address]
    public var wins: [IPv4Address]
    /// What the peer should have as its IPv6 interface identifier, not 0: the network knows it by an address
    /// with it. Nil: whatever it likes.
    public var interfaceIdentifier: UInt64?

    public init(
        address: IPv4Address, own: IPv4Address, dns: [IPv4Address] = [], wins: [IPv4Address] = [],
        interfaceIdentifier: UInt64? = nil
    ) {
        self.interfaceIdentifier = interfaceIdentifier
        self.address = address
        self.own = own
        self.dns = dns
        self.wins = wins
    }
}
