import ESP
import FakeHost
import IKEPeer
import IPsecAdapter
import L2TPPeer
import LentPackets
import OpenSSL
import PPPPeer
import PluginABI
import PluginKit
import Testing
import Wire

@testable import IKEv1
@testable import PPP

/// The module between a fake host, which plays all that the host does, and one telephone.
final class Site {
    static let ikeSocket: UInt64 = 40
    static let espSocket: UInt64 = 50
    static var descriptor: UnsafePointer<pa_descriptor_v1> { ModuleEntry.descriptor(of: IPsecModule.self) }
    private static let remote = pa_address_v1.ipv4(198, 51, 100, 7, port: 500)

    private(set) var host = FakeHost()
    private(set) var module: LoadedModule
    let datagram: pa_datagram_module_v1
    let sessions: pa_session_module_v1
    let auth: pa_auth_module_v1
    let timer: pa_timer_module_v1
    let peer: IKEPeer
    let lac: SimulatedLAC
    var accounts = TestAccounts()
    var decides = true
    var opensSessions = true
    /// The newest session's.
    private(set) var token: UInt64 = 0
    /// Whatever comes next meets another instance of the module.
    var swapsAllTheTime = false
    private(set) var swaps = 0
    private var inbound: InboundSA?
    private var outbound: OutboundSA?

    /// With SAs; `auth` of the options.
    /// `keys`: of hubs; the peer knows `secret`.
    init(
        auth methods: [String] = ["mschapv2"],
        keys: [(identity: String, key: String, hub: String)] = [], secret: String = "secret",
        swaps swapsAllTheTime: Bool = false
    ) throws {
        self.swapsAllTheTime = swapsAllTheTime
        let host = host
        host.keys = keys
        host.now = 1_000_000_000_000
        module = try LoadedModule(Self.descriptor, in: host)
        datagram = try module.table(PA_DATAGRAM)
        sessions = try module.table(PA_SESSION)
        auth = try module.table(PA_AUTH)
        timer = try module.table(PA_TIMER)
        host.options = ["psk": .string("secret"), "auth": .strings(methods)]
        host.takeDefaults(of: try module.table(PA_OPTION))
        let path = IKEPath(
            socket: Self.ikeSocket, remote: TransportAddress(ipv4: 0xc633_6407, port: 500),
            local: TransportAddress(ipv4: 0xc000_0201, port: 500), isEncapsulated: false)
        peer = IKEPeer(path: path, random: SplitMix64(seed: 9))
        peer.preSharedKey = SecretBytes(copying: Array(secret.utf8))
        peer.selectors = (
            Identification(.ipv4Address, [198, 51, 100, 7], protocolNumber: 17, port: 1701),
            Identification(.ipv4Address, [192, 0, 2, 1], protocolNumber: 17, port: 1701)
        )
        lac = SimulatedLAC { Instant(nanoseconds: host.now) }
        try module.check(module.start())
        try module.check(module.enterLane())
        announce(to: module)
        lac.transmit = { [unowned self] in try deliverESP($0) }
        deliver(peer.start(), on: Self.ikeSocket)
        try pump()
        deliver(try peer.startQuickMode(), on: Self.ikeSocket)
        try pump()
        guard let child = peer.children.first else { return }
        inbound = try InboundSA(spi: child.spi, child.suite.esp, keys: child.inboundKeys)
        outbound = try OutboundSA(spi: child.peerSPI, child.suite.esp, keys: child.outboundKeys)
    }

    private func announce(to module: LoadedModule) {
        for (socket, port) in [(Self.ikeSocket, 500), (Self.espSocket, 0)] as [(UInt64, UInt16)] {
            var local = pa_address_v1.ipv4(192, 0, 2, 1, port: port)
            datagram.listening(module.laneState, socket, &local)
        }
    }

    func deliver(_ octets: [UInt8], on socket: UInt64) {
        datagram.received(module.laneState, socket, host.memory.array([entry(octets, on: socket)]), 1)
    }

    private func entry(_ octets: [UInt8], on socket: UInt64) -> pa_datagram_v1 {
        var remote = Self.remote
        if socket == Self.espSocket { remote.port = 0 }
        let local = pa_address_v1.ipv4(192, 0, 2, 1, port: remote.port)
        return pa_datagram_v1(
            payload: host.memory.slice(octets, headroom: 64, tailroom: 64),
            remote: host.memory.array([remote]), local: host.memory.array([local]))
    }

    /// A packet of the telephone's SA, which has not arrived.
    func sealed(_ payload: [UInt8]) -> [UInt8] {
        let packet = LentPacket(payload)
        _ = outbound?.seal(&packet.slice, nextHeader: 17)
        return packet.octets
    }

    func owns(_ octets: [UInt8], on socket: UInt64, _ module: LoadedModule) throws -> Bool {
        var datagram = entry(octets, on: socket)
        return try module.handover.owns(module.laneState, socket, &datagram) != 0
    }

    // MARK: Swaps

    func successor() throws -> LoadedModule {
        let other = try module.successor(of: Self.descriptor)
        announce(to: other)
        return other
    }

    /// Another instance takes over, and nobody hears of it.
    func swap() throws {
        let (before, remaining) = (host.transcript.count, try module.remaining)
        let other = try successor()
        try module.export { record in
            guard let taken = try? other.take(record) else { return PA_ERROR_UNSUPPORTED }
            for (thing, token) in zip(record.held, taken.tokens) { self.rename(thing, token) }
            return taken.status
        }
        #expect(try module.remaining == 0 && other.remaining == remaining)
        #expect(host.timers.isEmpty && other.host.timers.count == (remaining == 0 ? 0 : 1))
        module.end()
        let said = host.transcript.dropFirst(before)
        #expect(said.allSatisfy { $0.hasPrefix("disarm") || $0.hasPrefix("metric") }, "\(said)")
        (other.host.questions, other.host.evidence) = (host.questions, host.evidence)
        (other.host.openings, other.host.sent) = (host.openings, host.sent)
        (other.host.frames, other.host.transcript) = (host.frames, host.transcript)
        (module, host) = (other, other.host)
        swaps += 1
    }

    /// What the host has is known by another token now.
    private func rename(_ thing: pa_held_v1, _ new: UInt64) {
        for index in host.questions.indices
        where thing.kind == PA_HELD_QUESTION && host.questions[index].ticket == thing.handle {
            host.questions[index].token = new
        }
        for index in host.openings.indices
        where thing.kind == PA_HELD_SESSION && host.openings[index].ticket == thing.handle {
            host.openings[index].token = new
        }
        if thing.kind == PA_HELD_SESSION, thing.handle == Self.session { token = new }
    }

    func deliverESP(_ payload: [UInt8]) throws {
        let packet = LentPacket(payload)
        guard outbound?.seal(&packet.slice, nextHeader: 17) == nil else { return }
        deliver(packet.octets, on: Self.espSocket)
        try pump()
    }

    /// Everything that is under way arrives, and the host decides.
    func pump() throws {
        while true {
            if swapsAllTheTime { try swap() }
            if !host.sent.isEmpty {
                let (remote, octets) = host.sent.removeFirst()
                try receive(octets, isESP: remote.port == 0)
            } else if decides, !host.questions.isEmpty {
                decide(host.questions.removeFirst().token)
            } else if opensSessions, !host.openings.isEmpty {
                open(host.openings.removeFirst().token)
            } else {
                return
            }
        }
    }

    private func receive(_ octets: [UInt8], isESP: Bool) throws {
        guard isESP else {
            for answer in try peer.receive(octets) { deliver(answer, on: Self.ikeSocket) }
            return
        }
        let packet = LentPacket(octets)
        guard case .payload(17) = inbound?.open(&packet.slice) else { return }
        try lac.receive(packet.octets)
    }

    private func decide(_ token: UInt64) {
        guard let evidence = host.evidence else { return }
        let proof: PPP.Evidence.Proof =
            evidence.kind == 1
            ? .password(evidence.secret)
            : .msCHAPv2(challenge: evidence.challenge, response: evidence.secret)
        var verdict = pa_verdict_v1()
        verdict.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        verdict.code = PA_VERDICT_CREDENTIALS
        if case .accepted(let response) = accounts.judge(PPP.Evidence(name: evidence.name, proof: proof)) {
            verdict.code = PA_VERDICT_ACCEPTED
            verdict.identity = 1000
            verdict.hub = UnsafePointer(host.memory.text("LAB"))
            verdict.response = host.memory.octets(response)
        }
        auth.decided(module.laneState, token, &verdict)
    }

    static let session: UInt64 = 77

    func open(_ token: UInt64) {
        self.token = token
        var parameters = pa_session_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_session_parameters_v1>.size)
        parameters.prefix = 24
        parameters.address = .ipv4(192, 168, 30, 10)
        parameters.dns = UnsafePointer(host.memory.array([pa_address_v1.ipv4(192, 168, 30, 1)]))
        parameters.dns_count = 1
        sessions.opened(module.laneState, token, Self.session, &parameters)
    }

    /// From the hub to the client.
    func transmit(_ packets: [[UInt8]]) throws {
        let slices = packets.map { host.memory.slice($0, headroom: 128, tailroom: 128) }
        sessions.transmit(module.laneState, token, host.memory.array(slices), UInt32(packets.count))
        try pump()
    }

    func end() { module.end() }
}
