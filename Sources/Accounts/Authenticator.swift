import Dispatch
import Foundation
public import MSCHAPv2
import Synchronization
public import Wire

/// Judges evidence away from the lanes. Each verdict costs tens of milliseconds and 16 MiB on purpose, so few
/// are worked on at a time, and who comes when too many are waiting is told to try again. Who fails too often
/// is not judged for a while (`LoginBrake`), and hears what he would hear anyway, no sooner and no later.
public final class Authenticator: Sendable {
    public static let maximumWaiting = 512
    /// Of these, answers that are held back. What is beyond is answered at once.
    static let maximumHeld = 256
    /// Between a question and its refusal, so that it does not tell whether the evidence was looked at.
    static let refusalDelay: Duration = .seconds(1)

    /// Time as the authenticator needs it; a test has one of its own.
    public struct Clock: Sendable {
        public var now: @Sendable () -> Instant
        /// Calls at that moment, on any thread.
        public var call: @Sendable (Instant, @escaping @Sendable () -> Void) -> Void

        public init(
            now: @escaping @Sendable () -> Instant,
            call: @escaping @Sendable (Instant, @escaping @Sendable () -> Void) -> Void
        ) {
            self.now = now
            self.call = call
        }

        public static let system = Clock(
            now: { Instant(nanoseconds: DispatchTime.now().uptimeNanoseconds) },
            call: { moment, body in
                DispatchQueue.global().asyncAfter(
                    deadline: DispatchTime(uptimeNanoseconds: moment.nanoseconds), execute: body)
            })
    }

    private let store: AccountStore
    private let clock: Clock
    private let queue: OperationQueue
    private let brake = Mutex(LoginBrake())
    private let waiting = Atomic<Int>(0)
    private let held = Atomic<Int>(0)

    /// Half of the machine's processors work on verdicts at most, the others are the lanes'.
    public init(store: AccountStore, clock: Clock = .system) {
        self.store = store
        self.clock = clock
        queue = OperationQueue()
        queue.name = "authentication"
        queue.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
    }

    /// [any thread] Answers once, on another thread, or at once if too many are waiting. `certificate`: what
    /// the peer has shown beside the password, its chain verified.
    public func authenticate(
        _ attempt: LoginAttempt, password: ClearPassword, certificate: PresentedCertificate? = nil,
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(attempt, answer) {
            $0.authenticate(attempt, password: password, certificate: certificate)
        }
    }

    /// [any thread] As above, for a certificate whose chain was verified, and nothing else.
    public func authenticate(
        _ attempt: LoginAttempt, certificate: PresentedCertificate,
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(attempt, answer) { $0.authenticate(attempt, certificate: certificate) }
    }

    /// [any thread] As above, for a proof of SoftEther's about `challenge`.
    public func authenticate(
        _ attempt: LoginAttempt, softEtherProof proof: [UInt8], of challenge: [UInt8],
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(attempt, answer) { $0.authenticate(attempt, softEtherProof: proof, of: challenge) }
    }

    /// [any thread] As above; who is accepted has `new` as his password from then on. What proves the old one
    /// and cannot be made for the new one comes with the answer.
    public func changePassword(
        _ attempt: LoginAttempt, softEtherProof proof: [UInt8], of challenge: [UInt8],
        to new: UnseenPassword, answer: @escaping @Sendable (Verdict, [VerifierKind]) -> Void
    ) {
        submit(attempt) {
            $0.changePassword(attempt, softEtherProof: proof, of: challenge, to: new)
        } answer: {
            answer($0.verdict, $0.lost)
        }
    }

    /// [any thread] As above, for an NT-Response of MS-CHAPv2. What proves the password to the peer, and the
    /// session's keys, come only with an acceptance.
    public func authenticate(
        _ attempt: LoginAttempt, _ exchange: MSCHAPv2Exchange, response: [UInt8],
        answer: @escaping @Sendable (Verdict, MSCHAPv2Proof?) -> Void
    ) {
        submit(attempt) {
            $0.authenticate(attempt, exchange, response: response)
        } answer: {
            answer($0.verdict, $0.proof)
        }
    }

    /// A question on its way to its answer.
    private struct Question: Sendable {
        let attempt: LoginAttempt
        let asked: Instant
        let judge: @Sendable (AccountStore) -> Judgement
        let answer: @Sendable (Judgement) -> Void
    }

    /// [any thread] As above, for an identity of phase 1 that the pre-shared key or `certificate` has proved.
    public func authenticate(
        ikeIdentity attempt: LoginAttempt, certificate: PresentedCertificate?,
        answer: @escaping @Sendable (Verdict) -> Void
    ) {
        submit(attempt, answer) { $0.authenticate(ikeIdentity: attempt, certificate: certificate) }
    }

    private func submit(
        _ attempt: LoginAttempt, _ answer: @escaping @Sendable (Verdict) -> Void,
        _ judge: @escaping @Sendable (AccountStore) -> Verdict
    ) {
        submit(attempt) {
            Judgement(judge($0))
        } answer: {
            answer($0.verdict)
        }
    }

    private func submit(
        _ attempt: LoginAttempt, _ judge: @escaping @Sendable (AccountStore) -> Judgement,
        answer: @escaping @Sendable (Judgement) -> Void
    ) {
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.maximumWaiting else {
            waiting.subtract(1, ordering: .relaxed)
            return answer(Judgement(.refused(.unavailable)))
        }
        let question = Question(attempt: attempt, asked: clock.now(), judge: judge, answer: answer)
        queue.addOperation { [self] in admit(question) }
    }

    /// On the queue, where few are at once: what is asked many times in a moment is counted all the same.
    private func admit(_ question: Question) {
        let now = clock.now()
        switch brake.withLock({ $0.admission(of: question.attempt, at: now) }) {
        case .free: judge(question)
        case .delayed(let delay):
            hold(until: now.advanced(by: delay)) { [self] in
                queue.addOperation { [self] in judge(question) }
            }
        case .refused: give(Judgement(.refused(.tooManyFailures)), to: question)
        }
    }

    private func judge(_ question: Question) {
        let judgement = question.judge(store)
        let now = clock.now()
        brake.withLock { brake in
            switch judgement.verdict {
            case .accepted: brake.succeeded(question.attempt)
            case .refused(let refusal):
                if refusal.shownToPeer == .credentials { brake.failed(question.attempt, at: now) }
            }
        }
        give(judgement, to: question)
    }

    private func give(_ judgement: Judgement, to question: Question) {
        let answer: @Sendable () -> Void = { [self] in
            waiting.subtract(1, ordering: .relaxed)
            question.answer(judgement)
        }
        guard case .refused(let refusal) = judgement.verdict, refusal.shownToPeer == .credentials else {
            return answer()
        }
        hold(until: question.asked.advanced(by: Self.refusalDelay), answer)
    }

    private func hold(until moment: Instant, _ body: @escaping @Sendable () -> Void) {
        guard clock.now() < moment else { return body() }
        guard held.add(1, ordering: .relaxed).newValue <= Self.maximumHeld else {
            held.subtract(1, ordering: .relaxed)
            return body()
        }
        clock.call(moment) { [self] in
            held.subtract(1, ordering: .relaxed)
            body()
        }
    }
}
