/// The options of one control protocol: what is asked of the peer, and what the peer may ask for.
public protocol OptionNegotiator: Sendable {
    /// What is asked for now.
    var request: [ConfigurationOption] { get }
    /// Judges what the peer asks for. Options that cannot be asked for at all are rejected before others are
    /// talked about, RFC 1661 §5.4.
    mutating func judge(_ options: [ConfigurationOption]) -> OptionJudgement
    /// What the peer asked for was acknowledged and holds.
    mutating func acknowledged(_ options: [ConfigurationOption])
    /// The peer would rather have these.
    mutating func receivedNak(_ options: [ConfigurationOption])
    /// The peer does not know these; they were all asked for.
    mutating func receivedReject(_ options: [ConfigurationOption])
    /// A new negotiation begins: nothing that the peer asked for holds any more.
    mutating func begin()
}

public enum OptionJudgement: Equatable, Sendable {
    case acknowledge
    /// These values would be acknowledged.
    case nak([ConfigurationOption])
    case reject([ConfigurationOption])
}

/// Sorts a peer's options while they are gone through.
struct OptionVerdicts {
    private var naks: [ConfigurationOption] = []
    private var rejects: [ConfigurationOption] = []

    mutating func nak(_ option: ConfigurationOption) { naks.append(option) }
    mutating func reject(_ option: ConfigurationOption) { rejects.append(option) }

    var judgement: OptionJudgement {
        if !rejects.isEmpty { return .reject(rejects) }
        return naks.isEmpty ? .acknowledge : .nak(naks)
    }
}
