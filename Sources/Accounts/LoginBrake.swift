import Wire

/// Slows down who guesses. One user's failures from one source count strictly, a source's failures over all
/// users less so, for many people may be behind it. A user's failures from everywhere only delay the answer,
/// lest a stranger could lock somebody out.
struct LoginBrake: Sendable {
    static let capacity = 4096

    enum Admission: Equatable, Sendable {
        case free
        /// To be judged after this time.
        case delayed(Duration)
        /// Not to be judged now.
        case refused
    }

    private struct Pair: Hashable, Sendable {
        let login: LoginName
        let source: String
    }

    private var pairs = FailureTable<Pair>(
        .init(free: 5, forgets: .seconds(300), first: .seconds(2), most: .seconds(900)), capacity: capacity)
    private var sources = FailureTable<String>(
        .init(free: 30, forgets: .seconds(60), first: .seconds(2), most: .seconds(300)), capacity: capacity)
    private var logins = FailureTable<LoginName>(
        .init(free: 20, forgets: .seconds(60), first: .milliseconds(250), most: .seconds(3)),
        capacity: capacity)

    /// Who is connected already is not held up: he has shown who he is.
    func admission(of attempt: LoginAttempt, at now: Instant) -> Admission {
        guard attempt.continues == nil else { return .free }
        if let source = attempt.source, !sources.mayTry(source, at: now) { return .refused }
        guard let login = attempt.login else { return .free }
        if let source = attempt.source, !pairs.mayTry(Pair(login: login, source: source), at: now) {
            return .refused
        }
        let delay = logins.penalty(of: login, at: now)
        return delay > .zero ? .delayed(delay) : .free
    }

    mutating func failed(_ attempt: LoginAttempt, at now: Instant) {
        if let source = attempt.source { sources.failed(source, at: now) }
        guard let login = attempt.login else { return }
        logins.failed(login, at: now)
        if let source = attempt.source { pairs.failed(Pair(login: login, source: source), at: now) }
    }

    /// Clears what the user has mistyped there. The source's other failures stay, or one account would be
    /// enough to guess at all others.
    mutating func succeeded(_ attempt: LoginAttempt) {
        guard let login = attempt.login, let source = attempt.source else { return }
        pairs.succeeded(Pair(login: login, source: source))
    }
}
