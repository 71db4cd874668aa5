import PluginABI
import Sessions

/// `pa.auth/1`, the host's side.
enum AuthTable {
    /// Octets that a name or a proof may have.
    private static let maxOctets = 65_536

    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_auth_host_v1(
            size: UInt32(MemoryLayout<pa_auth_host_v1>.size), reserved: 0,
            ask: { lane, evidence, token, ticket in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let copied = unsafe copy(evidence, on: lane) else { return PA_ERROR_ARGUMENT }
                let known = unsafe evidence?.pointee.continues ?? 0
                guard known == 0 || copied.continues != nil else { return lane.refuseHandle() }
                guard lane.questions.count < ModuleLane.maxQuestions else { return PA_ERROR_LIMIT }
                let services = lane.instance.services
                unsafe ticket?.pointee = lane.ask(token: token, continuing: known) {
                    await services.judge(copied)
                }
                return PA_OK
            },
            withdraw: { lane, ticket in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                return lane.questions.removeValue(forKey: ticket) == nil ? lane.refuseHandle() : PA_OK
            },
            release: { lane, identity in
                guard let lane = unsafe ModuleLane.current(lane) else { return }
                if lane.identities[identity]?.hasSession == false { lane.identities[identity] = nil }
            }))

    /// Nil where it is of another size, of no known kind, or too long.
    static func copy(_ evidence: UnsafePointer<pa_evidence_v1>?, on lane: ModuleLane) -> Evidence? {
        guard let evidence = unsafe evidence?.pointee,
            unsafe evidence.size == MemoryLayout<pa_evidence_v1>.size,
            unsafe max(
                evidence.name.length, evidence.secret.length, evidence.challenge.length,
                evidence.certificate.length) <= maxOctets
        else { return nil }
        return unsafe Evidence(evidence, lane)
    }
}

extension Evidence {
    /// A copy; nil when the kind is not known.
    fileprivate init?(_ raw: pa_evidence_v1, _ lane: ModuleLane) {
        let challenge = unsafe raw.challenge.bytes
        let secret = unsafe raw.secret.bytes
        switch unsafe raw.kind {
        case PA_EVIDENCE_PASSWORD: proof = .password(secret)
        case PA_EVIDENCE_MSCHAPV2: proof = .msCHAPv2(challenge: challenge, response: secret)
        case PA_EVIDENCE_SOFTETHER: proof = .softEther(challenge: challenge, proof: secret)
        case PA_EVIDENCE_CERTIFICATE: proof = .certificate
        case PA_EVIDENCE_BARE_CERTIFICATE: proof = .bareCertificate
        case PA_EVIDENCE_IKE_IDENTITY: proof = .ikeIdentity
        case PA_EVIDENCE_EAP: proof = .eap(packet: secret)
        default: return nil
        }
        name = unsafe raw.name.text
        certificate = unsafe raw.certificate.bytes
        remote = unsafe raw.remote?.pointee ?? pa_address_v1()
        protocolName = unsafe text(raw.protocol) ?? lane.instance.name
        software = unsafe text(raw.software)
        continues = unsafe lane.identities[raw.continues]?.identity
    }
}

extension ModuleLane {
    /// [lane] Asks the host and answers the module later, unless it withdraws meanwhile.
    func ask(
        token: UInt64, continuing known: UInt64 = 0, _ judge: @escaping @Sendable () async -> Verdict
    ) -> UInt64 {
        let ticket = nextNumber()
        questions[ticket] = token
        let seat = seat
        Task {
            let verdict = await judge()
            // Whoever asked may have given the question to its successor meanwhile.
            seat.lane.post { _ in
                guard let occupant = seat.occupant(where: { $0.questions[ticket] != nil }) else { return }
                occupant.answer(ticket, occupant.identified(verdict, continuing: known))
            }
        }
        return ticket
    }

    /// Who is asked again is who he was, and keeps his identity; nothing is decided about one that is gone.
    private func identified(_ verdict: Verdict, continuing known: UInt64) -> (Verdict, UInt64) {
        guard case .accepted(let identity, _, _, _) = verdict else { return (verdict, 0) }
        guard known != 0 else { return (verdict, nextNumber()) }
        guard let held = identities[known] else {
            return (.refused(code: PA_VERDICT_UNAVAILABLE, sentence: "the session is over"), 0)
        }
        guard held.identity.account == identity.account else {
            return (.refused(code: PA_VERDICT_CREDENTIALS, sentence: "not the session's user"), 0)
        }
        return (verdict, known)
    }

    private func answer(_ ticket: UInt64, _ answer: (verdict: Verdict, number: UInt64)) {
        let (verdict, number) = answer
        guard let token = questions.removeValue(forKey: ticket), isOpen, let table = unsafe tables.auth else {
            return
        }
        var raw = unsafe pa_verdict_v1()
        unsafe raw.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        switch verdict {
        case .refused(let code, let sentence):
            unsafe raw.code = code
            let sentence = CText(sentence)
            unsafe raw.sentence = UnsafePointer(sentence.start)
            unsafe table.pointee.decided(state, token, &raw)
            withExtendedLifetime(sentence) {}
        case .done:
            unsafe raw.code = PA_VERDICT_ACCEPTED
            unsafe table.pointee.decided(state, token, &raw)
        case .continues(let response):
            unsafe raw.code = PA_VERDICT_CONTINUE
            let response = LentOctets(response)
            unsafe raw.response = response.octets
            unsafe table.pointee.decided(state, token, &raw)
            withExtendedLifetime(response) {}
        case .accepted(let identity, let response, let receiveKey, let sendKey):
            identities[number] = identities[number] ?? HeldIdentity(identity: identity)
            let texts = (CText(identity.user), CText(identity.hub))
            let octets = (LentOctets(response), LentOctets(receiveKey), LentOctets(sendKey))
            unsafe raw.code = PA_VERDICT_ACCEPTED
            unsafe raw.identity = number
            unsafe raw.user = UnsafePointer(texts.0.start)
            unsafe raw.hub = UnsafePointer(texts.1.start)
            unsafe (raw.response, raw.receive_key, raw.send_key) = (
                octets.0.octets, octets.1.octets, octets.2.octets
            )
            unsafe table.pointee.decided(state, token, &raw)
            withExtendedLifetime((texts, octets)) {}
        }
    }
}
