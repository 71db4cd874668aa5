import Dispatch
import Foundation
import Lanes
import OpenVPNCore
import OpenVPNTestClient
import PluginABI
import Wire

/// All clients, on one lane.
final class Crowd: @unchecked Sendable {
    let changed = DispatchSemaphore(value: 0)
    private let server: Endpoint
    private let user: String
    private let password: String
    private let count: Int
    private var members: [Member] = []
    private var lane: Lane?

    /// So many begin at once; the others follow as those are done, or the first packets of all would come in
    /// one burst.
    private static let beginnings = 20

    init(count: Int, server: Endpoint, user: String, password: String) {
        self.count = count
        self.server = server
        self.user = user
        self.password = password
    }

    func join(_ group: LaneGroup) throws {
        lane = group.lanes[0]
        for number in 0..<count {
            let member = Member(number, of: self)
            members.append(member)
            let address = Endpoint(host: "127.1.\(number / 250).\(number % 250 + 1)", port: 0)!
            let listener = try group.listen(DatagramOptions(address, bufferOctets: 1 << 17)) { _ in member }
            member.socket = listener.sockets[0]
        }
        lane?.post { [self] lane in for member in members.prefix(Self.beginnings) { member.begin(on: lane) } }
    }

    var connected: Int { lane?.performAndWait { [self] _ in members.count { $0.isConnected } } ?? 0 }
    var exchanged: Int { lane?.performAndWait { [self] _ in members.count { $0.hasReceived } } ?? 0 }

    func leave() { lane?.performAndWait { [self] _ in for member in members { member.leave() } } }

    /// [lane] Somebody is in: the next one may begin.
    func connected(_ number: Int) {
        let next = number + Self.beginnings
        if next < members.count, let lane { members[next].begin(on: lane) }
        changed.signal()
    }

    func options() -> SimulatedClient.Options {
        var options = SimulatedClient.Options()
        options.username = user
        options.password = password
        options.device = .tap
        return options
    }

    var address: pa_address_v1 { server.address }
    func neighbour(of number: Int) -> MACAddress { Self.mac((number + 1) % count) }
    static func mac(_ number: Int) -> MACAddress { MACAddress(0x0200_0000_0000 | UInt64(number)) }
}

/// One client: the simulated engine on a socket of its own.
final class Member: DatagramHandler, TimerTarget, @unchecked Sendable {
    var socket: DatagramSocket?
    private(set) var hasReceived = false
    private let number: Int
    private unowned let crowd: Crowd
    private var engine: SimulatedClient?
    private var timer: TimerID?

    private static let frameInterval: Duration = .milliseconds(500)

    init(_ number: Int, of crowd: Crowd) {
        self.number = number
        self.crowd = crowd
    }

    var isConnected: Bool { engine?.isConnected ?? false }

    func begin(on lane: Lane) {
        var random = SystemRandomNumberGenerator()
        engine = try? SimulatedClient(crowd.options(), random: &random, at: moment(lane))
        settle(lane)
    }

    func leave() {
        guard let lane = socket?.lane, let engine else { return }
        engine.say("EXIT", at: moment(lane))
        settle(lane)
    }

    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        for datagram in batch {
            let payload = datagram.payload
            engine?.receive(
                Array(UnsafeBufferPointer(start: payload.start, count: Int(payload.length))),
                at: moment(socket.lane))
        }
        settle(socket.lane)
    }

    func timerFired(_ token: UInt64, at now: Instant) {
        guard let lane = socket?.lane else { return }
        if token == 1 { return sendFrame(lane) }
        timer = nil
        engine?.handleTimeout(at: moment(lane))
        settle(lane)
    }

    private func settle(_ lane: Lane) {
        guard let engine else { return }
        while let output = engine.nextOutput() {
            switch output {
            case .send(let packet): send(packet, lane)
            case .connected:
                crowd.connected(number)
                sendFrame(lane)
            case .received(let frame): hasReceived = hasReceived || isForUs(frame)
            case .ended(let why): print("client \(number) ended: \(why)")
            case .renewed: break
            }
        }
        if let timer { lane.cancel(timer) }
        timer = engine.deadline.map { lane.schedule(at: $0, target: self, token: 0) }
    }

    /// Again and again: the neighbour may not have been there yet.
    private func sendFrame(_ lane: Lane) {
        guard let engine, engine.isConnected else { return }
        let head = crowd.neighbour(of: number).octets + Crowd.mac(number).octets + [0x88, 0xb5]
        engine.send(
            head + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 300), at: moment(lane))
        settle(lane)
        _ = lane.schedule(at: lane.now + Self.frameInterval, target: self, token: 1)
    }

    private func isForUs(_ frame: [UInt8]) -> Bool { frame.starts(with: Crowd.mac(number).octets) }

    private func send(_ packet: [UInt8], _ lane: Lane) {
        guard let socket, var slice = lane.allocate(packet.count) else { return }
        slice.start.update(from: packet, count: packet.count)
        slice.length = UInt32(packet.count)
        withUnsafePointer(to: crowd.address) { remote in
            socket.send(pa_datagram_v1(payload: slice, remote: remote, local: nil))
        }
    }

    private func moment(_ lane: Lane) -> Moment {
        Moment(lane.now, wallSeconds: UInt32(truncatingIfNeeded: lane.wallSeconds))
    }
}

extension DispatchSemaphore {
    func wait(milliseconds: Int) { _ = wait(timeout: .now() + .milliseconds(milliseconds)) }
}
