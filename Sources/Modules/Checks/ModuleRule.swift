/// The rules of CONVENTIONS.md and of the headers that the host can see kept or broken. The raw value is the
/// rule's name in logs and findings.
public enum ModuleRule: String, Sendable, CaseIterable {
    case argument
    case blockingCall = "blocking-call"
    case changedAnswer = "changed-answer"
    case counterShrinks = "counter-shrinks"
    case foreignHandle = "foreign-handle"
    case hostPointer = "host-pointer"
    case identityTwice = "identity-twice"
    case lanePointer = "lane-pointer"
    case lentMemoryAfterTurn = "lent-memory-after-turn"
    case lentMemoryExceeded = "lent-memory-exceeded"
    case missingFunction = "missing-function"
    case nestedCall = "nested-call"
    case outsideCall = "outside-call"
    case returnValue = "return-value"
    case sentMemoryChanged = "sent-memory-changed"
    case silentFailure = "silent-failure"
    case structSize = "struct-size"
    case textEncoding = "text-encoding"
    case thread
    case ticketTwice = "ticket-twice"
    case undeclared
    case useAfterClose = "use-after-close"

    /// What the rule asks for.
    public var meaning: String {
        switch self {
        case .argument: "arguments lie within what the function accepts, and required pointers are not NULL"
        case .blockingCall: "a [lane] call does not block"
        case .changedAnswer: "`capability` gives the same answer each time"
        case .counterShrinks: "a counter only grows"
        case .foreignHandle: "a handle was given by the host, to this module, on this lane"
        case .hostPointer: "the pa_host is the one that `create` was handed, between `create` and `destroy`"
        case .identityTwice: "an identity opens one session"
        case .lanePointer: "the pa_lane is one that was entered and not left"
        case .lentMemoryAfterTurn: "lent memory is used until the turn ends, and not later"
        case .lentMemoryExceeded: "nothing outside of a slice, its headroom and its tailroom is touched"
        case .missingFunction: "a table has all of its functions"
        case .nestedCall: "calls on a lane are not nested"
        case .outsideCall: "a [lane] function is called from inside a [lane] call"
        case .returnValue: "a function answers with what its header names"
        case .sentMemoryChanged: "what was handed to `send` stays untouched until the turn ends"
        case .silentFailure: "a call that fails says why by `explain`"
        case .structSize: "`size` is sizeof the struct"
        case .textEncoding: "texts are UTF-8"
        case .thread: "a function is called on the thread that its header names"
        case .ticketTwice: "a ticket is answered or withdrawn once"
        case .undeclared: "an option or a metric is declared before it is used"
        case .useAfterClose: "a handle is not used after its end"
        }
    }
}

/// One breach of a rule by a module.
public struct BrokenRule: Sendable, CustomStringConvertible {
    /// The name of the module's section in plugins.conf.
    public let module: String
    public let rule: ModuleRule
    /// The function of the ABI at which it was seen.
    public let call: String
    public let detail: String

    /// Without the module's name, which stands in front of a log's line.
    public var line: String { "rule=\(rule.rawValue) call=\(call) why=\"\(detail)\"" }
    public var description: String { "module=\(module) \(line)" }
}
