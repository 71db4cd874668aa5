import FakeHost
import MSCHAPv2
import OpenSSL
import PPPPeer
import PluginABI
import PluginKit
import SSTPAdapter
import SSTPClient
import Testing
import Wire

/// The module between a fake host, which plays all that the host does, and one simulated client.
final class Site {
    static let stream: UInt64 = 500
    static var descriptor: UnsafePointer<pa_descriptor_v1> { ModuleEntry.descriptor(of: SSTPModule.self) }

    private(set) var host = FakeHost()
    private(set) var module: LoadedModule
    let streams: pa_stream_module_v1
    let sessions: pa_session_module_v1
    let auth: pa_auth_module_v1
    let timer: pa_timer_module_v1
    var client: SimulatedSSTPClient
    var token: UInt64 = 0
    var opensSessions = true
    var judges = true
    var password = "secret"
    /// Octets that arrive at a time.
    var piece = Int.max
    /// Whatever comes next meets another instance of the module.
    var swapsAllTheTime = false
    private(set) var swaps = 0
    private var unread: [UInt8] = []

    init(
        options: [String: FakeHost.FakeOption] = [:],
        _ change: (inout SimulatedSSTPClient.Options) -> Void = { _ in }
    ) throws {
        host.now = 1_000_000_000_000
        module = try LoadedModule(Self.descriptor, in: host)
        streams = try module.table(PA_STREAM)
        sessions = try module.table(PA_SESSION)
        auth = try module.table(PA_AUTH)
        timer = try module.table(PA_TIMER)
        var clientOptions = SimulatedSSTPClient.Options()
        // What the fake host says that it presented.
        clientOptions.certificate = [0x30, 0]
        change(&clientOptions)
        client = SimulatedSSTPClient(clientOptions)
        host.certificate = (PPPCertificates.server.certificate, PPPCertificates.server.key, "")
        host.options = options
        host.takeDefaults(of: try module.table(PA_OPTION))
        try module.check(module.start())
        try module.check(module.enterLane())
        token = streams.opened(module.laneState, Self.stream, 0)
        client.start()
    }

    var now: Instant { Instant(nanoseconds: host.now) }

    @discardableResult
    func run(for seconds: UInt64 = 30, until isDone: () -> Bool) -> Bool {
        let end = host.now + seconds * 1_000_000_000
        while true {
            pump()
            if isDone() { return true }
            let next = ([client.deadline?.nanoseconds].compactMap { $0 } + host.timers.values).min() ?? end
            guard next < end else { return false }
            host.now = max(host.now, next)
            client.handleTimeout(at: now)
            for (token, at) in host.timers where at <= host.now {
                host.timers[token] = nil
                timer.expired(module.laneState, token)
            }
        }
    }

    func pump() {
        var isBusy = true
        while isBusy {
            isBusy = false
            while let octets = client.nextOutput() {
                isBusy = true
                deliver(octets)
            }
            if let octets = host.written.removeValue(forKey: Self.stream) {
                isBusy = true
                client.receive(octets, at: now)
            }
            if swapsAllTheTime { swap() }
            if judges, let question = host.questions.first {
                isBusy = true
                host.questions.removeFirst()
                judge(question.token)
            }
            if opensSessions, let opening = host.openings.first {
                isBusy = true
                host.openings.removeFirst()
                open(opening.token)
            }
        }
    }

    func deliver(_ octets: [UInt8]) {
        var rest = octets[...]
        while !rest.isEmpty {
            unread += rest.prefix(piece)
            rest = rest.dropFirst(piece)
            let taken = streams.received(module.laneState, token, host.memory.slice(unread))
            unread.removeFirst(taken)
            if swapsAllTheTime { swap() }
        }
    }

    func successor() throws -> LoadedModule { try module.successor(of: Self.descriptor) }

    /// Another instance takes over, and nobody hears of it.
    func swap() {
        let before = host.transcript.count
        let remaining = try? module.remaining
        #expect(throws: Never.self) {
            let other = try successor()
            try module.export { record in
                guard let taken = try? other.take(record) else { return PA_ERROR_UNSUPPORTED }
                #expect(taken.tokens.allSatisfy { $0 == self.token })
                return taken.status
            }
            #expect(try module.remaining == 0)
            #expect(try other.remaining == remaining)
            #expect(host.timers.isEmpty && other.host.timers.count == Int(remaining ?? 0))
            module.end()
            let said = host.transcript.dropFirst(before)
            #expect(said.allSatisfy { $0.hasPrefix("disarm") || $0.hasPrefix("metric") }, "\(said)")
            inherit(to: other.host)
            module = other
        }
        host = module.host
        swaps += 1
    }

    /// What is the host's own stays as it is.
    private func inherit(to other: FakeHost) {
        (other.questions, other.evidence, other.openings) = (host.questions, host.evidence, host.openings)
        (other.written, other.frames, other.closedStreams) = (host.written, host.frames, host.closedStreams)
        (other.transcript, other.links, other.writing) = (host.transcript, host.links, host.writing)
    }

    private func judge(_ token: UInt64) {
        guard let evidence = host.evidence else { return }
        var verdict = pa_verdict_v1()
        verdict.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        verdict.code = PA_VERDICT_CREDENTIALS
        let proof = proof(evidence.challenge, evidence.name, evidence.secret)
        let isProved = evidence.kind == PA_EVIDENCE_CERTIFICATE && evidence.name == Array("alice".utf8)
        if proof != nil || isProved || evidence.secret == Array(password.utf8) {
            verdict.code = PA_VERDICT_ACCEPTED
            verdict.identity = 1000
        }
        if let proof {
            verdict.response = host.memory.octets(proof.authenticatorResponse)
            verdict.receive_key = host.memory.octets(proof.receiveKey)
            verdict.send_key = host.memory.octets(proof.sendKey)
        }
        auth.decided(module.laneState, token, &verdict)
    }

    private func proof(_ challenge: [UInt8], _ name: [UInt8], _ response: [UInt8]) -> MSCHAPv2Proof? {
        guard
            let exchange = MSCHAPv2Exchange(
                authenticatorChallenge: Array(challenge.prefix(16)),
                peerChallenge: Array(challenge.suffix(16)),
                userName: name),
            let hash = try? NTHash(ofPassword: SecretBytes(copying: Array(password.utf8))),
            (try? exchange.accepts(response, hash)) == true
        else { return nil }
        return try? MSCHAPv2Proof(exchange, response, hash)
    }

    /// The session's handle is 77.
    func open(_ token: UInt64) {
        var parameters = pa_session_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_session_parameters_v1>.size)
        parameters.prefix = 24
        parameters.address = .ipv4(192, 168, 30, 10)
        parameters.dns = UnsafePointer(host.memory.array([pa_address_v1.ipv4(192, 168, 30, 1)]))
        parameters.dns_count = 1
        sessions.opened(module.laneState, token, 77, &parameters)
    }

    /// From the hub to the client.
    func transmit(_ payloads: [[UInt8]], headroom: Int = 8) {
        let batch = host.memory.array(payloads.map { host.memory.slice($0, headroom: headroom) })
        sessions.transmit(module.laneState, token, batch, UInt32(payloads.count))
    }

    func end() { module.end() }
}
