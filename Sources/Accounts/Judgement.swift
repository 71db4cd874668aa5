import MSCHAPv2

/// A verdict, and what else comes of it when it is an acceptance.
struct Judgement: Sendable {
    let verdict: Verdict
    /// What the peer of an MS-CHAPv2 exchange gets.
    let proof: MSCHAPv2Proof?
    /// After a change of password: by what the new one cannot be proved.
    let lost: [VerifierKind]

    init(_ verdict: Verdict, proof: MSCHAPv2Proof? = nil, lost: [VerifierKind] = []) {
        self.verdict = verdict
        self.proof = proof
        self.lost = lost
    }
}
