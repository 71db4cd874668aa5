/// The options of IPV6CP, RFC 5072 §4: each end has an interface identifier of its own, from which it makes
/// its link-local address.
public struct IPV6CPOptions: OptionNegotiator {
    static let interfaceIdentifier: UInt8 = 1

    public let own: UInt64
    /// What the peer is offered when it has none, or has ours.
    public let offered: UInt64
    public internal(set) var peer: UInt64?
    var sendsIdentifier = true
    /// Whether the offer has yet to be made in the place of another identifier, which RFC 5072 would have
    /// acknowledged. Made once; a peer that insists keeps its own.
    var insists: Bool

    /// Neither is zero, nor are they equal.
    public init(own: UInt64, offered: UInt64, insists: Bool = false) {
        precondition(
            own != 0 && offered != 0 && own != offered, "interface identifiers that cannot be told apart")
        self.own = own
        self.offered = offered
        self.insists = insists
    }

    public var request: [ConfigurationOption] {
        sendsIdentifier ? [ConfigurationOption(Self.interfaceIdentifier, own)] : []
    }

    public mutating func judge(_ options: [ConfigurationOption]) -> OptionJudgement {
        var verdicts = OptionVerdicts()
        for option in options {
            guard option.type == Self.interfaceIdentifier, let value = option.value(UInt64.self) else {
                verdicts.reject(option)
                continue
            }
            if value == 0 || value == own || insists && value != offered {
                insists = false
                verdicts.nak(ConfigurationOption(Self.interfaceIdentifier, offered))
            }
        }
        if !options.contains(where: { $0.type == Self.interfaceIdentifier }) {
            verdicts.nak(ConfigurationOption(Self.interfaceIdentifier, offered))
        }
        return verdicts.judgement
    }

    public mutating func begin() {
        peer = nil
        sendsIdentifier = true
    }

    public mutating func acknowledged(_ options: [ConfigurationOption]) {
        peer = options.first { $0.type == Self.interfaceIdentifier }?.value(UInt64.self)
    }

    public mutating func receivedNak(_ options: [ConfigurationOption]) {}
    public mutating func receivedReject(_ options: [ConfigurationOption]) { sendsIdentifier = false }
}
