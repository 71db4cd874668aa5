import FakeHost
import PluginABI
import PluginKit
import SoftEtherAdapter
import SoftEtherCore
import Testing

/// The module between a fake host and clients made by hand.
final class Site {
    static let socket: UInt64 = 4

    let host = FakeHost()
    let module: LoadedModule
    let stream: pa_stream_module_v1
    let session: pa_session_module_v1
    let auth: pa_auth_module_v1
    let timer: pa_timer_module_v1
    let datagram: pa_datagram_module_v1

    init(
        lane: UInt32 = 0, of lanes: UInt32 = 2, options: [String: FakeHost.FakeOption] = [:],
        lacking: Set<String> = []
    ) throws {
        host.lacking = lacking
        module = try LoadedModule(ModuleEntry.descriptor(of: SoftEtherModule.self), in: host)
        stream = try module.table(PA_STREAM)
        session = try module.table(PA_SESSION)
        auth = try module.table(PA_AUTH)
        timer = try module.table(PA_TIMER)
        datagram = try module.table(PA_DATAGRAM)
        host.options = options
        host.takeDefaults(of: try module.table(PA_OPTION))
        try module.check(module.start())
        try module.check(module.enterLane(lane, of: lanes))
    }

    func end() { module.end() }

    /// A listener for datagrams comes up.
    func listen() {
        var local = pa_address_v1.ipv4(192, 0, 2, 1, port: 5555)
        datagram.listening(module.laneState, Self.socket, &local)
    }

    /// How many octets were taken.
    @discardableResult
    func hear(_ octets: [UInt8], _ handle: UInt64) -> Int {
        stream.received(module.laneState, handle, host.memory.slice(octets))
    }

    func post(_ target: String, _ body: [UInt8]) -> [UInt8] {
        let type = "Content-Type: application/octet-stream"
        let head = "POST \(target) HTTP/1.1\r\n\(type)\r\nContent-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }

    func request(_ pack: Pack) -> [UInt8] {
        var body: [UInt8] = []
        pack.serialize(into: &body)
        return post("/vpnsvc/vpn.cgi", body)
    }

    func knock(_ handle: UInt64) {
        _ = stream.opened(module.laneState, handle, 0)
        hear(post("/vpnsvc/connect.cgi", Array("VPNCONNECT".utf8)), handle)
    }

    func login(_ handle: UInt64, _ change: (inout Pack) -> Void = { _ in }) {
        var pack = Pack()
        pack.set("method", "login")
        pack.set("hubname", "LAB")
        pack.set("username", "alice")
        pack.set("authtype", 1 as UInt32)
        pack.set("secure_password", [UInt8](repeating: 7, count: 20))
        pack.set("max_connection", 8 as UInt32)
        change(&pack)
        hear(request(pack), handle)
    }

    func decide(_ code: UInt32, identity: UInt64 = 77) {
        let question = host.questions.removeFirst()
        var verdict = pa_verdict_v1()
        verdict.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        verdict.code = code
        verdict.identity = code == PA_VERDICT_ACCEPTED ? identity : 0
        auth.decided(module.laneState, question.token, &verdict)
    }

    /// A client with a session, whose handle is 900; its token, and what the welcome said.
    func connect(_ handle: UInt64, _ change: (inout Pack) -> Void = { _ in }) -> (
        token: UInt64, welcome: [UInt8]
    ) {
        knock(handle)
        login(handle, change)
        decide(PA_VERDICT_ACCEPTED)
        let token = host.openings.removeFirst().token
        host.written[handle] = nil
        session.opened(module.laneState, token, 900, nil)
        let welcome = host.written.removeValue(forKey: handle) ?? []
        _ = host.said()
        return (token, welcome)
    }

    /// A further connection of the session.
    func join(_ handle: UInt64, _ welcome: [UInt8]) throws {
        knock(handle)
        var pack = Pack()
        pack.set("method", "additional_connect")
        pack.set("session_key", try #require(Self.sessionKey(in: welcome)))
        hear(request(pack), handle)
    }

    private static func sessionKey(in welcome: [UInt8]) -> [UInt8]? {
        let name = Array("session_key".utf8)
        guard let start = welcome.indices.first(where: { welcome[$0...].starts(with: name + [0, 0, 0, 1]) })
        else { return nil }
        return Array(welcome[start + name.count + 12..<start + name.count + 32])
    }

    func transmit(_ frames: [[UInt8]], _ token: UInt64, headroom: Int = 64, tailroom: Int = 16) {
        let batch = host.memory.array(
            frames.map { host.memory.slice($0, headroom: headroom, tailroom: tailroom) })
        session.transmit(module.laneState, token, batch, UInt32(frames.count))
    }

    /// A datagram from the client's address.
    func deliver(_ octets: [UInt8], port: UInt16 = 40000) {
        var remote = host.streamRemote
        remote.port = port
        let batch = host.memory.array([
            pa_datagram_v1(
                payload: host.memory.slice(octets, headroom: 64, tailroom: 64),
                remote: host.memory.array([remote]),
                local: host.memory.array([pa_address_v1.ipv4(192, 0, 2, 1, port: 5555)]))
        ])
        datagram.received(module.laneState, Self.socket, batch, 1)
    }

    func pass(seconds: UInt64) {
        for _ in 0..<seconds {
            host.now += 1_000_000_000
            for (token, at) in host.timers where at <= host.now {
                host.timers[token] = nil
                timer.expired(module.laneState, token)
            }
        }
    }
}

func frame(_ number: UInt8, count: Int = 60) -> [UInt8] { [UInt8](repeating: number, count: count) }

func block(_ octets: [UInt8]) -> [UInt8] {
    [0, 0, UInt8(octets.count >> 8), UInt8(octets.count & 255)] + octets
}
