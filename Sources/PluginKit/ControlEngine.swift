public import Wire

/// A control-plane engine: pure protocol, no IO, no clock. It gets one input at a time; after each, its
/// outputs are drained until nil, and it is woken at its deadline.
public protocol ControlEngine {
    associatedtype Output
    /// When it must next be woken; nil: never.
    var deadline: Instant? { get }
    mutating func nextOutput() -> Output?
}

/// An adapter's lane that runs an engine: it brings the inputs in and does what the outputs say.
public protocol EngineDriver: AnyObject {
    associatedtype Engine: ControlEngine
    var engine: Engine { get set }
    var alarm: Alarm { get set }
    var services: LaneServices { get }
    func perform(_ output: Engine.Output)
}

extension EngineDriver {
    /// To be called after each input, before the host's call returns. An output may bring further inputs;
    /// what they cause is drained by the same loop.
    public func settle() {
        while let output = engine.nextOutput() { perform(output) }
        alarm.move(to: engine.deadline, services)
    }
}

/// A timer of the lane that follows an engine's deadline. Tells the host only when the deadline has changed.
public struct Alarm {
    public let token: UInt64
    private var armed: Instant?

    public init(token: UInt64) { self.token = token }

    /// To be called first when the timer has expired: it is not armed any more.
    public mutating func rang() { armed = nil }

    public mutating func move(to deadline: Instant?, _ services: LaneServices) {
        guard deadline != armed else { return }
        armed = deadline
        if let deadline {
            services.arm(timer: token, at: deadline)
        } else {
            services.disarm(timer: token)
        }
    }
}
