import Accounts
import Journal
import Lanes
import Logging
import MSCHAPv2
import Modules
import OpenSSL
import PluginABI
import Sessions
import SoftEtherPassword
import Synchronization
import Wire

/// What the host does for modules: the accounts judge, the journal writes, the database keeps.
final class HostServices: ModuleServices {
    let publicName: String
    private let presented: Mutex<ServerCertificate>
    private let store: AccountStore
    private let authenticator: Authenticator
    private let journal: Journal
    private let defaultHub: HubName
    private let checksModules: Bool

    init(
        store: AccountStore, journal: Journal, defaultHub: HubName, certificate: ServerCertificate,
        publicName: String, checksModules: Bool
    ) {
        self.store = store
        self.journal = journal
        self.defaultHub = defaultHub
        presented = Mutex(certificate)
        self.publicName = publicName
        self.checksModules = checksModules
        authenticator = Authenticator(store: store)
    }

    var certificate: ServerCertificate { presented.withLock { $0 } }

    func present(_ certificate: ServerCertificate) { presented.withLock { $0 = certificate } }

    func judge(_ evidence: Evidence) async -> Modules.Verdict {
        if case .msCHAPv2(let challenge, let response) = evidence.proof {
            return await verdict(on: evidence, challenge, response)
        }
        guard let verdict = await accountVerdict(on: evidence) else {
            return .refused(
                code: PA_VERDICT_METHOD, sentence: "this server cannot judge that kind of evidence")
        }
        return answer(verdict, evidence)
    }

    /// Nobody is let in with less of a policy than was said: where it cannot be read, or the user is gone by
    /// now, the answer is no.
    func answer(
        _ verdict: Accounts.Verdict, _ evidence: Evidence, _ proof: MSCHAPv2Proof? = nil
    ) -> Modules.Verdict {
        switch verdict {
        case .refused(let refusal): return refused(refusal, evidence)
        case .accepted(let user):
            guard let identity = try? identity(of: user) else { return refused(.unavailable, evidence) }
            guard let proof else { return .accepted(identity) }
            return .accepted(
                identity, response: proof.authenticatorResponse, receiveKey: proof.receiveKey,
                sendKey: proof.sendKey)
        }
    }

    private func refused(_ refusal: Refusal, _ evidence: Evidence) -> Modules.Verdict {
        record(refusal, evidence)
        return .refused(code: refusal.code, sentence: refusal.shownToPeer.rawValue)
    }

    private func verdict(
        on evidence: Evidence, _ challenge: [UInt8], _ response: [UInt8]
    ) async -> Modules.Verdict {
        let length = MSCHAPv2Exchange.challengeLength
        guard challenge.count == 2 * length,
            let exchange = MSCHAPv2Exchange(
                authenticatorChallenge: Array(challenge.prefix(length)),
                peerChallenge: Array(challenge.suffix(length)), userName: Array(evidence.name.utf8))
        else { return refused(.wrongPassword, evidence) }
        let (verdict, proof) = await withCheckedContinuation { continuation in
            authenticator.authenticate(attempt(evidence), exchange, response: response) {
                continuation.resume(returning: ($0, $1))
            }
        }
        if case .accepted = verdict, proof == nil { return refused(.unavailable, evidence) }
        return answer(verdict, evidence, proof)
    }

    /// Nil where the accounts cannot judge that kind of evidence.
    private func accountVerdict(on evidence: Evidence) async -> Accounts.Verdict? {
        switch evidence.proof {
        case .password(let octets):
            guard let password = try? ClearPassword(octets) else { return .refused(.wrongPassword) }
            return await withCheckedContinuation { continuation in
                authenticator.authenticate(
                    attempt(evidence), password: password, certificate: presented(evidence)
                ) { continuation.resume(returning: $0) }
            }
        case .certificate, .bareCertificate:
            guard let presented = presented(evidence) else { return .refused(.certificateUnknown) }
            return await withCheckedContinuation { continuation in
                authenticator.authenticate(attempt(evidence), certificate: presented) {
                    continuation.resume(returning: $0)
                }
            }
        case .softEther(let challenge, let proof):
            return await withCheckedContinuation { continuation in
                authenticator.authenticate(
                    attempt(evidence), softEtherProof: proof, of: challenge
                ) { continuation.resume(returning: $0) }
            }
        case .ikeIdentity:
            return await withCheckedContinuation { continuation in
                authenticator.authenticate(
                    ikeIdentity: attempt(evidence), certificate: presented(evidence)
                ) {
                    continuation.resume(returning: $0)
                }
            }
        case .msCHAPv2, .eap: return nil
        }
    }

    func changePassword(
        _ evidence: Evidence, to password: Modules.NewPassword
    ) async -> Modules.Verdict {
        guard case .softEther(let challenge, let proof) = evidence.proof,
            let softEther = SoftEtherPassword(octets: password.softEther)
        else {
            return .refused(code: PA_VERDICT_METHOD, sentence: "the old password is proved by another method")
        }
        let new = UnseenPassword(softEther: softEther, ntHash: NTHash(octets: password.ntHash))
        let (verdict, lost) = await withCheckedContinuation { continuation in
            authenticator.changePassword(
                attempt(evidence), softEtherProof: proof, of: challenge, to: new
            ) { continuation.resume(returning: ($0, $1)) }
        }
        switch verdict {
        case .refused(let refusal): return refused(refusal, evidence)
        case .accepted(let user):
            let names = lost.map(\.provedBy).joined(separator: ", ")
            let event = Event.passwordChanged(
                user: evidence.name, from: Endpoint(evidence.remote).description,
                module: evidence.protocolName, lost: names)
            journal.record(event, in: .security(hub: user.hub.description))
            return .done
        }
    }

    private func attempt(_ evidence: Evidence) -> LoginAttempt {
        let source = Endpoint(evidence.remote).source
        return LoginAttempt(
            name: evidence.name.isEmpty ? nil : evidence.name, defaultHub: defaultHub,
            source: evidence.remote.family == 0 ? nil : source.host, continues: evidence.continues?.account)
    }

    private func presented(_ evidence: Evidence) -> PresentedCertificate? {
        guard !evidence.certificate.isEmpty,
            let fingerprint = try? DigestAlgorithm.sha256.hash(evidence.certificate)
        else { return nil }
        // A name is worth what the one is who has issued the certificate.
        if case .bareCertificate = evidence.proof {
            return PresentedCertificate(commonName: nil, fingerprint: fingerprint)
        }
        return PresentedCertificate(
            commonName: CertificateSubject.commonName(ofDER: evidence.certificate), fingerprint: fingerprint)
    }

    /// A fixed address without a prefix stands in the hub's own network where SecureNAT has one, else in a
    /// network of 256.
    private func identity(of user: User) throws(AccountError) -> Identity {
        var identity = Identity(
            user: user.name.description, hub: user.hub.description, account: user.id)
        identity.policy = try store.policy(of: user.name, in: user.hub)
        guard let address = user.address else { return identity }
        if let nat = try store.nat(of: user.hub), nat.isEnabled,
            let network = IPv4Subnet(nat.network.address, prefixLength: nat.network.prefixLength),
            network.contains(address)
        {
            let prefix = user.prefixLength ?? nat.network.prefixLength
            identity.fixedAddress = IPv4Subnet(address, prefixLength: prefix)
            identity.fixedGateway = nat.network.address
        } else {
            identity.fixedAddress = IPv4Subnet(address, prefixLength: user.prefixLength ?? 24)
        }
        return identity
    }

    func peerKeys() throws -> [Modules.PeerKey] {
        try store.peerKeys().map { key in
            PeerKey(identity: key.identity ?? "", hub: key.hub.description, key: key.key)
        }
    }

    func refused(_ identity: Identity, remote: pa_address_v1, protocolName: String, why: String) {
        let event = Event.refused(
            user: identity.user, from: Endpoint(remote).description, module: protocolName, why: why)
        journal.record(event, in: .security(hub: identity.hub))
    }

    /// To the hub's security log; who names no hub of ours is written to the server's log, or strangers could
    /// make files.
    private func record(_ refusal: Refusal, _ evidence: Evidence) {
        let event = Event.refused(
            user: evidence.name, from: Endpoint(evidence.remote).description, module: evidence.protocolName,
            why: refusal.rawValue)
        let hub = evidence.name.isEmpty ? defaultHub : attempt(evidence).hub
        if let hub, let known = try? store.hub(hub) {
            journal.record(event, in: .security(hub: known.name.description))
        } else {
            journal.record(event)
        }
    }
}

extension Refusal {
    /// As the ABI says it (`PA_VERDICT_*`).
    fileprivate var code: UInt32 {
        switch self {
        case .hubDisabled, .userDisabled, .expired, .passwordFixed, .passwordEmpty: PA_VERDICT_DISABLED
        // For the protocols that have a word of their own for it. Those that only repeat the sentence tell
        // a stranger no more than that the credentials are wrong.
        case .unknownHub: PA_VERDICT_HUB
        // Which users there are is nothing that a stranger should learn.
        case .unknownUser, .wrongPassword, .certificateUnknown, .certificateRequired, .certificateOfAnother,
            .anotherUser, .tooManyFailures:
            PA_VERDICT_CREDENTIALS
        case .unavailable: PA_VERDICT_UNAVAILABLE
        case .noVerifier: PA_VERDICT_METHOD
        }
    }
}

// MARK: - Log and store

extension HostServices {
    func log(module: String, level: UInt32, line: String) {
        guard isLogged(level: level) else { return }
        journal.record(
            Event("module", level: Logger.Level(abi: level)).with("module", module).with("message", line))
    }

    var breachListener: (@Sendable (BrokenRule) -> Void)? {
        guard checksModules else { return nil }
        return { @Sendable [self] rule in log(rule) }
    }

    func isLogged(level: UInt32) -> Bool { level >= PA_LOG_INFO }

    func storedValue(module: String, name: String) throws -> [UInt8]? {
        try store.secret("module/\(module)/\(name)")
    }

    func store(module: String, name: String, value: [UInt8]) throws {
        try store.setSecret(value.isEmpty ? nil : value, "module/\(module)/\(name)")
    }
}

extension Logger.Level {
    fileprivate init(abi level: UInt32) {
        switch level {
        case PA_LOG_ERROR: self = .error
        case PA_LOG_WARN: self = .warning
        case PA_LOG_INFO: self = .info
        default: self = .debug
        }
    }
}
