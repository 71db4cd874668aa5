import Dispatch

/// The one thread of control: what the ABI marks [control] runs here, one call at a time.
public final class ControlQueue: Sendable {
    private let queue = DispatchQueue(label: "polyhub.control")
    private static let key = DispatchSpecificKey<ObjectIdentifier>()

    public init() { queue.setSpecific(key: Self.key, value: ObjectIdentifier(self)) }

    /// [any] Whether the caller runs here.
    public var isCurrent: Bool { DispatchQueue.getSpecific(key: Self.key) == ObjectIdentifier(self) }

    /// [any] Runs the work after everything that was asked before.
    public func perform<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    /// The same for callers that may block. Here itself it runs at once. Not on a lane.
    public func performAndWait<Result>(_ work: () throws -> Result) rethrows -> Result {
        if isCurrent { return try work() }
        return try queue.sync(execute: work)
    }

    func assertCurrent() { precondition(isCurrent, "a [control] function was called elsewhere") }
}
