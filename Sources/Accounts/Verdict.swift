/// What comes of showing one's evidence.
public enum Verdict: Hashable, Sendable {
    case accepted(User)
    case refused(Refusal)
}

/// Why somebody is not let in, in full for the security log. The peer is told `shownToPeer` alone.
public enum Refusal: String, Hashable, Sendable, CaseIterable {
    case unknownHub = "unknown hub"
    case hubDisabled = "hub disabled"
    case unknownUser = "unknown user"
    case wrongPassword = "wrong password"
    case userDisabled = "user disabled"
    case expired = "user expired"
    case certificateRequired = "certificate required"
    case certificateUnknown = "certificate of nobody"
    /// The one that stands for the user is another one, or this one stands for somebody else.
    case certificateOfAnother = "certificate of somebody else"
    /// A connection may not become somebody else.
    case anotherUser = "another user than the session's"
    /// Not looked at: see `LoginBrake`.
    case tooManyFailures = "too many failures"
    /// The password was never seen in the clear since proofs of this kind are allowed, or they are not.
    case noVerifier = "no verifier of that kind"
    case passwordFixed = "policy: may not change the password"
    case passwordEmpty = "the new password is empty"
    /// Too many are waiting for a verdict, or the database cannot be read.
    case unavailable = "unavailable"

    /// What the peer may know: who is not a user of ours learns nothing about who is.
    public enum ShownToPeer: String, Hashable, Sendable {
        case credentials = "wrong user name or password"
        case notAllowed = "not allowed"
        case tryAgain = "try again later"
        case otherMethod = "this method cannot be used"
    }

    public var shownToPeer: ShownToPeer {
        switch self {
        case .unknownHub, .unknownUser, .wrongPassword, .certificateRequired, .certificateUnknown,
            .certificateOfAnother, .anotherUser, .tooManyFailures:
            .credentials
        // Told only to those whose evidence was right.
        case .hubDisabled, .userDisabled, .expired, .passwordFixed, .passwordEmpty: .notAllowed
        case .unavailable: .tryAgain
        case .noVerifier: .otherMethod
        }
    }
}
