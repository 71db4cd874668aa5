#if os(Linux)
import Glibc
import Lanes
import LocalBridge
import NetworkNamespace
import PluginABI
import Testing
import Wire

/// What needs privileges: each test has a network namespace of its own.
@Suite struct NamespaceTests {
    @Test func `what the kernel does not segment leaves one by one, and is not tried again`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link set lo mtu 1300 up")
            try withLanes(1) { group in
                let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
                let peer = UDPPeer()
                for round in 0..<2 {
                    group.lanes[0].whileHeld {
                        for number in 0..<10 as Range<UInt8> {
                            peer.send([UInt8](repeating: number, count: 1400), to: listener.local)
                        }
                    }
                    for number in 0..<10 as Range<UInt8> {
                        #expect(
                            try #require(peer.receive()).octets == [UInt8](repeating: number, count: 1400))
                    }
                    #expect(group.total(\.segmentFallbacks) == 1, "in round \(round)")
                }
                // Smaller datagrams are coalesced as before.
                group.lanes[0].whileHeld {
                    for number in 0..<10 as Range<UInt8> {
                        peer.send([UInt8](repeating: number, count: 1200), to: listener.local)
                    }
                }
                for _ in 0..<10 { #expect(peer.receive() != nil) }
                #expect(group.total(\.sentMessages) == 21)
                #expect(group.total(\.unsentError) == 0)
            }
        }
    }

    @Test(arguments: [1, 3])
    func `raw IP comes without its header, to one lane each`(lanes: Int) throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link set lo up")
            try withLanes(lanes) { group in
                let log = Log<Recorder.Entry>()
                let options = DatagramOptions(Endpoint("0.0.0.0:0")!, transport: .rawIP(protocolNumber: 253))
                let listener = try group.listen(options) { _ in Recorder(log) }
                #expect(listener.local.port == 0)
                for host in 1...8 {
                    let source = Endpoint("127.0.0.\(host):0")!
                    group.lanes[0].performAndWait { lane in
                        var remote = Endpoint("127.0.0.99:0")!.address
                        var local = source.address
                        let payload = lane.slice([UInt8(host), 2, 3])
                        withUnsafePointer(to: &remote) { remote in
                            withUnsafePointer(to: &local) { local in
                                listener.sockets[0].send(
                                    pa_datagram_v1(payload: payload, remote: remote, local: local))
                            }
                        }
                    }
                }
                let entries = log.wait(for: 8)
                for lane in group.lanes { lane.performAndWait { _ in } }
                #expect(log.now.count == 8)
                for entry in entries {
                    #expect(entry.octets == [UInt8(try #require(Int(entry.source.host.dropFirst(8)))), 2, 3])
                    #expect(entry.lane == group.lane(forSource: entry.source.address).index)
                    #expect(entry.headroom == 276)
                }
            }
        }
    }

    @Test func `packet sockets carry tagged frames both ways`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add one type veth peer name two")
            try NetworkNamespace.ip("link set one up")
            try NetworkNamespace.ip("link set two up")
            let device = try LocalBridge.openInterface("one")
            let other = try LocalBridge.openInterface("two")
            try withLanes(1) { group in
                let frames = Log<[UInt8]>()
                let answered = Log<[UInt8]>()
                group.lanes[0].performAndWait { lane in
                    _ = try? lane.attachFrameDevice(
                        descriptor: device.descriptor, kind: .packetSocket,
                        handler: FrameLog(frames, answers: true))
                    let port = try? lane.attachFrameDevice(
                        descriptor: other.descriptor, kind: .packetSocket,
                        handler: FrameLog(answered, answers: false))
                    guard let port else { return }
                    Repeater(port).timerFired(0, at: lane.now)
                }
                let octets = answered.wait(for: 1).first
                #expect(octets?.count == 78)
                #expect(
                    octets?.prefix(18) == [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 7, 0x88, 0xb5])
                #expect(frames.now.first?.prefix(6) == [2, 0, 0, 0, 0, 1])
            }
            device.close()
            other.close()
        }
    }
}

extension NamespaceTests {
    /// The end of a port onto the device after the commands, while nothing is sent through it or much is.
    private static func end(
        of device: FrameDevice, _ kind: FramePort.Kind, sending: Bool, after commands: [String]
    ) throws -> [String] {
        try withLanes(1) { group in
            let ends = Log<String>()
            group.lanes[0].performAndWait { lane in
                let port = try? lane.attachFrameDevice(
                    descriptor: device.descriptor, kind: kind, handler: EndLog(ends))
                if sending, let port { Repeater(port).timerFired(0, at: lane.now) }
            }
            for command in commands { try NetworkNamespace.ip(command) }
            return ends.wait(for: 1)
        }
    }

    @Test(arguments: [false, true])
    func `a port ends when its interface is removed, also if another of its name comes`(sending: Bool) throws
    {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add one type veth peer name two")
            let device = try LocalBridge.openInterface("one")
            let ends = try Self.end(
                of: device, .packetSocket, sending: sending,
                after: ["link delete one", "link add one type veth peer name two", "link set one up"])
            #expect(ends == ["cannot use a frame device: No such device"])
        }
    }

    @Test func `a port ends when its interface is removed some time after it went down`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add one type veth peer name two")
            let device = try LocalBridge.openInterface("one")
            try withLanes(1) { group in
                let (ends, waits) = (Log<String>(), Log<String>())
                group.lanes[0].performAndWait { lane in
                    _ = try? lane.attachFrameDevice(
                        descriptor: device.descriptor, kind: .packetSocket, handler: EndLog(ends))
                }
                try NetworkNamespace.ip("link set one down")
                group.lanes[0].performAndWait { lane in
                    // By then the port waits for frames again.
                    _ = lane.schedule(
                        at: lane.now.advanced(by: .milliseconds(1500)), target: Alarm(waits), token: 0)
                }
                #expect(waits.wait(for: 1).count == 1)
                #expect(ends.now.isEmpty)
                try NetworkNamespace.ip("link delete one")
                #expect(ends.wait(for: 1) == ["cannot use a frame device: No such device"])
            }
        }
    }

    @Test(arguments: [false, true])
    func `a port ends when its TAP device is removed`(sending: Bool) throws {
        try NetworkNamespace.run {
            let device = try LocalBridge.openTAP("tap-test")
            let ends = try Self.end(of: device, .tap, sending: sending, after: ["link delete tap-test"])
            #expect(ends == ["cannot use a frame device: No such device"])
        }
    }

    @Test func `a port stays while its interface is down, and carries frames afterwards`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add one type veth peer name two")
            let device = try LocalBridge.openInterface("one")
            let other = try LocalBridge.openInterface("two")
            try withLanes(1) { group in
                let frames = Log<[UInt8]>()
                group.lanes[0].performAndWait { lane in
                    _ = try? lane.attachFrameDevice(
                        descriptor: device.descriptor, kind: .packetSocket,
                        handler: FrameLog(frames, answers: false))
                }
                try NetworkNamespace.ip("link set one down")
                try NetworkNamespace.ip("link set one up")
                group.lanes[0].performAndWait { lane in
                    let port = try? lane.attachFrameDevice(
                        descriptor: other.descriptor, kind: .packetSocket,
                        handler: FrameLog(Log(), answers: false))
                    if let port { Repeater(port).timerFired(0, at: lane.now) }
                }
                #expect(frames.wait(for: 1).count > 0)
            }
        }
    }
}

private final class Alarm: TimerTarget {
    private let log: Log<String>
    init(_ log: Log<String>) { self.log = log }
    func timerFired(_ token: UInt64, at now: Instant) { log.add("fired") }
}

/// Notes why a port ended.
private final class EndLog: FrameHandler {
    private let log: Log<String>
    init(_ log: Log<String>) { self.log = log }

    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on port: FramePort) {}
    func ended(_ port: FramePort, error: SocketError?) { log.add(error.map { "\($0)" } ?? "closed") }
}

/// Sends a tagged frame again and again: the kernel drops what comes before it has noticed that the link is
/// up.
private final class Repeater: TimerTarget {
    private let port: FramePort
    init(_ port: FramePort) { self.port = port }

    func timerFired(_ token: UInt64, at now: Instant) {
        let header: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7, 0x88, 0xb5]
        port.send(port.lane.slice(header + [UInt8](repeating: 9, count: 60)))
        _ = port.lane.schedule(at: now.advanced(by: .milliseconds(20)), target: self, token: 0)
    }
}

/// Notes frames of an experimental type (IEEE 802's 0x88b5 behind a tag) and, if asked, answers them.
private final class FrameLog: FrameHandler {
    private let log: Log<[UInt8]>
    private let answers: Bool

    init(_ log: Log<[UInt8]>, answers: Bool) {
        self.log = log
        self.answers = answers
    }

    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on port: FramePort) {
        for frame in frames where frame.length > 18 && frame.start[16] == 0x88 && frame.start[17] == 0xb5 {
            log.add(frame.octets)
            guard answers else { continue }
            frame.start[5] = 2
            frame.start[11] = 1
            port.send(frame)
        }
    }

    func ended(_ port: FramePort, error: SocketError?) {}
}
#endif
