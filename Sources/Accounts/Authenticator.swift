import Foundation
import Synchronization

/// Judges evidence away from the lanes. Each verdict costs tens of milliseconds and 16 MiB on purpose, so few
/// are worked on at a time, and who comes when too many are waiting is told to try again.
public final class Authenticator: Sendable {
    public static let maximumWaiting = 512

    private let store: AccountStore
    private let queue: OperationQueue
    private let waiting = Atomic<Int>(0)

    /// Half of the machine's processors work on verdicts at most, the others are the lanes'.
    public init(store: AccountStore) {
        self.store = store
        queue = OperationQueue()
        queue.name = "authentication"
        queue.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
    }

    /// [any thread] Answers once, on a thread of its own, or at once if too many are waiting.
    public func authenticate(
        name: String, password: ClearPassword, defaultHub: HubName,
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(answer) { $0.authenticate(name: name, password: password, defaultHub: defaultHub) }
    }

    /// [any thread] As above, for a certificate whose chain was verified.
    public func authenticate(
        certificate: PresentedCertificate, name: String?, defaultHub: HubName,
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(answer) { $0.authenticate(certificate: certificate, name: name, defaultHub: defaultHub) }
    }

    /// [any thread] As above, for an identity of phase 1 that the pre-shared key has proved.
    public func authenticate(ikeIdentity identity: String, answer: @escaping @Sendable (Verdict) -> Void) {
        submit(answer) { $0.authenticate(ikeIdentity: identity) }
    }

    private func submit(
        _ answer: @escaping @Sendable (Verdict) -> Void,
        _ judge: @escaping @Sendable (AccountStore) -> Verdict
    ) {
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.maximumWaiting else {
            waiting.subtract(1, ordering: .relaxed)
            return answer(.refused(.unavailable))
        }
        queue.addOperation { [self] in
            defer { waiting.subtract(1, ordering: .relaxed) }
            answer(judge(store))
        }
    }
}
