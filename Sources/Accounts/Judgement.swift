import MSCHAPv2

/// A verdict, and what the peer of an MS-CHAPv2 exchange gets with it when it was accepted.
struct Judgement: Sendable {
    let verdict: Verdict
    var proof: MSCHAPv2Proof?

    init(_ verdict: Verdict, proof: MSCHAPv2Proof? = nil) {
        self.verdict = verdict
        self.proof = proof
    }
}
