import PluginKit
import Synchronization
import Wire

/// A module that has every capability: it writes what the host calls into the log, and does in each call
/// what the lane's
/// `script` says.
final class Recorder: PacketAdapter {
    static let descriptor = ModuleDescriptor(
        id: "org.polyhub.recorder", name: "recorder", version: "2.1", vendor: "Nobody", summary: "Records.",
        defaultListeners: ["udp://127.0.0.1:9", "tcp://127.0.0.1:9"])
    static let capabilities: Capabilities = [
        .datagrams, .streams, .sessions, .authentication, .timers, .certificates, .handover, .ipv6,
    ]
    static let handoverVersions: ClosedRange<UInt32> = 2...3
    static let options: [OptionDeclaration] = [
        .string("greeting", default: "hello", accepts: "a text", help: "What is said."),
        .integer("count", default: 3, in: 1...9, accepts: "1 to 9", help: "How often.").live,
        .boolean("loud", default: true, help: "How."),
        .strings("names", default: ["a", "b"], accepts: "names", help: "To whom.").secret,
    ]

    let host: HostServices
    private let lanes = Mutex<Int>(0)

    init(host: HostServices) throws {
        self.host = host
        if host.serverVersion == "refuse" { throw ModuleFailure("this version is not liked") }
    }

    var commands: [Command] {
        [
            Command(
                "all", help: "Takes everything.",
                arguments: [
                    .string("S", "text"), .integer("I", "number"), .double("D", "fraction"),
                    .boolean("B", "truth"),
                    .string("T", "text"), .integer("J", "number"), .double("E", "fraction"),
                    .boolean("C", "truth"),
                ], result: .string
            ) { values in
                .string(
                    "\(values.string(0)) \(values.integer(1)) \(values.double(2)) \(values.boolean(3)) "
                        + "\(values.string(4)) \(values.integer(5)) \(values.double(6)) \(values.boolean(7))")
            },
            Command("half", help: "Halves.", arguments: [.integer("N", "number")], result: .double) {
                .double(Double($0.integer(0)) / 2)
            },
            Command("negate", help: "Negates.", arguments: [.integer("N", "number")], result: .integer) {
                .integer(-$0.integer(0))
            },
            Command("not", help: "Negates.", arguments: [.boolean("B", "truth")], result: .boolean) {
                .boolean(!$0.boolean(0))
            },
            Command("fail", help: "Fails.", result: .string) { _ in throw ModuleFailure("it is Monday") },
            Command("nothing", help: "Does nothing.", result: .nothing) { [host] _ in
                host.log(.info, "nothing")
                return .nothing
            },
        ]
    }

    func start() throws {
        host.log(.debug, "not kept")
        host.log(.info, "start")
    }

    func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        guard count < 9 else { throw ModuleFailure("too many lanes", status: .limit) }
        host.log(.info, "lane \(index) of \(count)")
        return RecorderLane(host, services)
    }

    func pinning(of listener: String) -> Pinning { listener.hasPrefix("ip:") ? .source : .flow }
    func optionsChanged() throws { throw ModuleFailure("not now", status: .state) }
    func certificateChanged() { host.log(.info, "certificate changed") }
    func stop() { host.log(.info, "stop") }
}

final class RecorderLane: LaneAdapter {
    let host: HostServices
    let services: LaneServices
    var taken: Int?
    /// What to do in the next call, beside recording it.
    nonisolated(unsafe) static var script: ((RecorderLane) -> Void)?
    nonisolated(unsafe) static var frameScript: ((RecorderLane, inout PacketSlice, Int) -> Bool)?
    var queue = FrameQueue(capacity: 4)

    init(_ host: HostServices, _ services: LaneServices) {
        self.host = host
        self.services = services
    }

    private func record(_ line: String) {
        host.log(.info, line)
        let script = Self.script
        Self.script = nil
        script?(self)
    }

    func listening(on socket: SocketHandle, at local: Endpoint) {
        record("listening \(socket.rawValue) \(local)")
    }

    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        for index in 0..<batch.count {
            record(
                "datagram \(batch[index].hex) from \(batch.remote(at: index)) "
                    + "to \(batch.local(at: index)?.description ?? "any")")
            var packet = batch[index]
            if Self.frameScript?(self, &packet, index) == true { batch[index] = packet }
        }
        services.send(batch, on: socket)
        if batch.count > 1 { services.handOver(1, of: batch, toLane: 3, on: socket) }
    }

    func claim(_ first: RawSpan) -> Claim {
        first.byteCount < 2 ? .more : first.unsafeLoad(as: UInt8.self) == 0x16 ? .yes : .no
    }

    func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64 {
        record("stream \(stream.rawValue) moved \(moved)")
        return stream.rawValue + 1000
    }

    func received(_ octets: PacketSlice, onStream token: UInt64) -> Int {
        record("octets \(octets.hex) on \(token)")
        return octets.count - 1
    }

    func writable(stream token: UInt64, queued: Int) { record("writable \(token) \(queued)") }
    func closed(stream token: UInt64, _ ending: StreamEnding) { record("stream closed \(token) \(ending)") }
    func expired(timer token: UInt64) { record("expired \(token)") }

    func decided(question token: UInt64, _ verdict: Verdict) {
        record(
            "decided \(token) \(verdict.code) \(verdict.user ?? "-") \(verdict.hub ?? "-") "
                + "\(verdict.sentence ?? "-") \(verdict.identity?.rawValue ?? 0) \(verdict.response)")
    }

    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {
        var line = "opened \(token) \(session.rawValue)"
        if let parameters {
            line +=
                " \(parameters.address.address)/\(parameters.prefix) \(parameters.gateway?.address ?? "-")"
            line += " \(parameters.dns.map(\.address)) \(parameters.domain ?? "-")"
            line += " \(parameters.routes.map { "\($0.network.address)/\($0.prefix)" })"
            line += " \(parameters.lease.map { "\($0)" } ?? "for ever") \(parameters.mtu ?? 0)"
        }
        record(line)
    }

    func changed(session token: UInt64, ipv6: IPv6Parameters?) {
        guard let ipv6 else { return record("IPv6 of \(token) -") }
        record(
            "IPv6 of \(token) \(ipv6.address?.address ?? "-")/\(ipv6.prefix) \(ipv6.gateway?.address ?? "-") "
                + "\(ipv6.dns.map(\.address)) \(ipv6.domain ?? "-") \(ipv6.mtu ?? 0)")
    }

    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        record("refused \(token) \(reason.rawValue) \(sentence ?? "-")")
    }

    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {
        record("transmit \(frames.count) to \(token)")
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard Self.frameScript?(self, &frame, index) ?? true else { continue }
            frames[kept] = frame
            kept += 1
        }
        frames.shorten(to: kept)
        let remote = Endpoint(IPv4Address("198.51.100.7")!, port: 5000)
        services.send(frames, to: remote, from: nil, on: SocketHandle(rawValue: 4))
        services.write(frames, to: StreamHandle(rawValue: 5))
    }

    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        record("session closed \(token) \(reason.rawValue) \(sentence ?? "-")")
    }

    func exportConnections(to sink: HandoverSink) {
        guard !sink.hasRefused(77) else {
            host.log(.info, "next \(sink.offer(HandoverRecord(version: 3, connection: 78, octets: [])))")
            return
        }
        var record = HandoverRecord(version: 3, connection: 77, octets: [1, 2, 3])
        record.held = [
            HeldThing(.session, 11, token: 21), HeldThing(.session, 12, token: 22),
            HeldThing(.stream, 13, token: 23),
        ]
        let answer = sink.offer(record)
        host.log(.info, "offered \(answer)")
        guard answer == .stays else { return }
        host.log(.info, "next \(sink.offer(HandoverRecord(version: 3, connection: 78, octets: [])))")
    }

    func importConnection(_ record: inout HandoverRecord) throws(Status) {
        guard record.version == 3 else { throw .refused }
        let held = record.held.map { "\($0.kind) \($0.handle) \($0.token)" }.joined(separator: ", ")
        host.log(.info, "import \(record.connection) \(record.octets) \(held)")
        for index in record.held.indices where record.held[index].kind == .stream {
            record.held[index].token = 99
        }
    }

    var remainingConnections: Int { 5 }

    func close() { record("goodbye") }
}

extension PacketSlice {
    var hex: String {
        bytes.withUnsafeBytes { Array($0) }.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
