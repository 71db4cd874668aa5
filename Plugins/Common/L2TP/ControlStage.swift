import Wire

/// How far a tunnel, or a control connection of L2TPv3, has come for who was called: RFC 2661 §7.2.1, RFC
/// 3931 §3.3.
enum ControlStage: Equatable, Sendable {
    case awaitingSCCCN(until: Instant)
    case established
    /// We have said, or heard, goodbye.
    case ending(until: Instant)
    case over
}
