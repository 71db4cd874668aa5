#if os(Linux)
import Glibc
import Lanes
import LocalBridge
import NetworkNamespace
import PluginABI
import Testing
import Wire

/// TCP segments leave through a packet socket in few messages; what stands on the wire is as if each had left
/// by itself.
@Suite(.serialized) struct SegmentTests {
    /// A segment in a frame, and what can be wrong with it.
    struct Segment {
        static let target: [UInt8] = [2, 0, 0, 0, 0, 1]

        var isIPv6 = false
        var port: UInt16 = 4000
        var sequence: UInt32 = 0xffff_ff00
        var acknowledgement: UInt32 = 77
        var flags: UInt8 = 0x10
        var window: UInt16 = 500
        var urgent: UInt16 = 0
        /// Timestamps, RFC 7323.
        var options: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
        var payload = [UInt8](repeating: 0x61, count: 1000)
        var ttl: UInt8 = 64
        var tos: UInt8 = 0
        var fragment: UInt16 = 0x4000
        var padding = 0
        var damage: Int?

        func with<Value>(_ path: WritableKeyPath<Segment, Value>, _ value: Value) -> Segment {
            var copy = self
            copy[keyPath: path] = value
            return copy
        }

        private var addresses: [UInt8] {
            isIPv6
                ? [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1, 0x20, 1, 0xd, 0xb8]
                    + [UInt8](repeating: 0, count: 11) + [2]
                : [192, 0, 2, 1, 192, 0, 2, 2]
        }

        var frame: [UInt8] {
            var tcp: [UInt8] = []
            tcp.appendBigEndian(port)
            tcp.appendBigEndian(UInt16(80))
            tcp.appendBigEndian(sequence)
            tcp.appendBigEndian(acknowledgement)
            tcp += [UInt8((20 + options.count) / 4) << 4, flags]
            tcp.appendBigEndian(window)
            tcp += [0, 0]
            tcp.appendBigEndian(urgent)
            tcp += options + payload
            var pseudo = addresses
            pseudo.appendBigEndian(UInt32(tcp.count))
            pseudo.appendBigEndian(UInt32(6))
            let sum = InternetChecksum.of((pseudo + tcp).rawSpan)
            (tcp[16], tcp[17]) = (UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum))
            var ip: [UInt8] = []
            if isIPv6 {
                ip += [0x60, 0, 0, 0]
                ip.appendBigEndian(UInt16(tcp.count))
                ip += [6, ttl]
            } else {
                ip += [0x45, tos]
                ip.appendBigEndian(UInt16(20 + tcp.count))
                ip += [0, 0]
                ip.appendBigEndian(fragment)
                ip += [ttl, 6, 0, 0]
            }
            ip += addresses
            if !isIPv6 {
                let sum = InternetChecksum.of(ip.rawSpan)
                (ip[10], ip[11]) = (UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum))
            }
            var frame = Self.target + [2, 0, 0, 0, 0, 2] + (isIPv6 ? [0x86, 0xdd] : [8, 0]) + ip + tcp
            frame += [UInt8](repeating: 0, count: padding)
            if let damage { frame[damage] ^= 0x40 }
            return frame
        }

        /// The segment that continues this one.
        func next(_ count: Int = 1000, of octet: UInt8 = 0x62) -> Segment {
            with(\.sequence, sequence &+ UInt32(payload.count)).with(
                \.payload, [UInt8](repeating: octet, count: count))
        }
    }

    /// What arrives at the other end of a cable where nothing is cut later, and in how many messages it left.
    private func carry(_ frames: [[UInt8]]) throws -> (arrived: [[UInt8]], messages: UInt64) {
        let (log, messages) = (Log<[UInt8]>(), Log<UInt64>())
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add one type veth peer name two")
            // The card that cannot: the kernel itself cuts.
            try NetworkNamespace.ip("link set one gso_max_size 600")
            try NetworkNamespace.ip("link set two up")
            let (device, other) = (try LocalBridge.openInterface("one"), try LocalBridge.openInterface("two"))
            defer {
                device.close()
                other.close()
            }
            let sending = try #require(device.sendingDescriptor)
            try withLanes(1) { group in
                group.lanes[0].performAndWait { lane in
                    _ = try? lane.attachFrameDevice(
                        descriptor: other.descriptor, kind: .packetSocket, handler: TargetLog(log))
                }
                let before = group.total(\.sentMessages)
                group.lanes[0].performAndWait { lane in
                    let port = try? lane.attachFrameDevice(
                        descriptor: device.descriptor, sending: sending, kind: .packetSocket,
                        handler: TargetLog(Log()))
                    for frame in frames { port?.send(lane.slice(frame)) }
                }
                _ = log.wait(for: frames.count)
                #expect(group.total(\.sentDatagrams) == UInt64(frames.count))
                messages.add(group.total(\.sentMessages) - before)
            }
        }
        return (log.now, try #require(messages.now.first))
    }

    /// The identification of an IPv4 packet that must not be fragmented means nothing.
    private func withoutIdentification(_ frame: [UInt8]) -> [UInt8] {
        guard frame.count > 25, frame[12...13] == [8, 0] else { return frame }
        var frame = frame
        for index in [18, 19, 24, 25] { frame[index] = 0 }
        return frame
    }

    @Test(arguments: [false, true])
    func `what continues leaves together, and arrives as it was`(isIPv6: Bool) throws {
        var segments = [Segment(isIPv6: isIPv6)]
        for number in 1..<30 as Range<UInt8> {
            segments.append(segments[segments.count - 1].next(of: number))
        }
        segments.append(segments[segments.count - 1].next(333).with(\.flags, 0x18))
        let frames = segments.map(\.frame)
        let (arrived, messages) = try carry(frames)
        #expect(messages == 1)
        #expect(arrived.map(withoutIdentification) == frames.map(withoutIdentification))
    }

    @Test func `a message is no longer than a packet can be`() throws {
        var segments = [Segment().with(\.payload, [UInt8](repeating: 1, count: 1400))]
        for number in 1..<140 as Range<UInt8> {
            segments.append(segments[segments.count - 1].next(1400, of: number))
        }
        let frames = segments.map(\.frame)
        let (arrived, messages) = try carry(frames)
        #expect(messages == 4)
        #expect(arrived.map(withoutIdentification) == frames.map(withoutIdentification))
    }

    @Test func `flows that alternate leave in a message each`() throws {
        let one = Segment()
        let other = one.with(\.port, 4001)
        let frames = [one, other, one.next(), other.next(), one.next().next(), other.next().next()].map(
            \.frame)
        let (arrived, messages) = try carry(frames)
        #expect(messages == 2)
        #expect(
            arrived.map(withoutIdentification)
                == [0, 2, 4, 1, 3, 5].map { withoutIdentification(frames[$0]) })
    }

    /// By what the second of two segments differs from one that would continue the first.
    static let different: [@Sendable (Segment) -> Segment] = [
        { $0.with(\.sequence, $0.sequence &+ 1) }, { $0.with(\.acknowledgement, 78) },
        { $0.with(\.window, 501) }, { $0.with(\.flags, 0x11) }, { $0.with(\.flags, 0x14) },
        { $0.with(\.flags, 0x90) }, { $0.with(\.flags, 0x50) }, { $0.with(\.flags, 0x30).with(\.urgent, 1) },
        { $0.with(\.urgent, 1) }, { $0.with(\.options, []) },
        { $0.with(\.options, [1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 2]) }, { $0.with(\.ttl, 63) },
        { $0.with(\.tos, 3) }, { $0.with(\.fragment, 0) }, { $0.with(\.fragment, 0x2000) },
        { $0.with(\.padding, 4) }, { $0.with(\.payload, []) },
        { $0.with(\.payload, [UInt8](repeating: 3, count: 1001)) }, { $0.with(\.damage, 100) },
        // The checksum of IPv4, and of TCP.
        { $0.with(\.damage, 24) }, { $0.with(\.damage, 50) },
    ]

    @Test(arguments: different.indices)
    func `what would not come out as it went in leaves by itself`(index: Int) throws {
        let first = Segment()
        let frames = [first, Self.different[index](first.next())].map(\.frame)
        let (arrived, messages) = try carry(frames)
        #expect(messages == 2)
        #expect(arrived == frames)
    }

    @Test func `a first segment with a wrong checksum is not mended by those behind it`() throws {
        let first = Segment()
        let frames = [first.with(\.damage, 100), first.next(), first.next().next()].map(\.frame)
        let (arrived, messages) = try carry(frames)
        #expect(messages == 2)
        #expect(arrived.map(withoutIdentification) == frames.map(withoutIdentification))
    }

    @Test func `behind a push, a shorter one, or an acknowledgement begins another message`() throws {
        let first = Segment()
        let pushed = first.next().with(\.flags, 0x18)
        let short = pushed.next(400)
        let bare = short.next(0)
        let frames = [first, pushed, pushed.next(), short, short.next(400), bare, bare.next(400)].map(\.frame)
        let (arrived, _) = try carry(frames)
        #expect(arrived.map(withoutIdentification) == frames.map(withoutIdentification))
    }

    /// In the place of an interface that will not have long messages: a socket that refuses more than 32 KiB.
    @Test func `what is refused as one message leaves apart, and nothing is joined any more`() throws {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &pair) == 0)
        let (sending, other) = (pair[0], pair[1])
        defer {
            close(sending)
            close(other)
        }
        setDeadline(other)
        var room: Int32 = 16_384
        try #require(
            setsockopt(sending, SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<Int32>.size)) == 0)
        let first = Segment().with(\.payload, [UInt8](repeating: 1, count: 17_000))
        let frames = [first, first.next(17_000)].map(\.frame)
        try withLanes(1) { group in
            let lane = group.lanes[0]
            let held = Held()
            lane.performAndWait { lane in
                held.port = try? lane.attachFrameDevice(
                    descriptor: sending, sending: sending, kind: .socketPair, handler: TargetLog(Log()))
            }
            for _ in 1...2 {
                lane.performAndWait { lane in
                    for frame in frames { held.port?.send(lane.slice(frame)) }
                }
                let arrived = frames.map { _ in
                    var octets = [UInt8](repeating: 0, count: 65_536)
                    let count = recv(other, &octets, octets.count, 0)
                    return Array(octets.prefix(max(count, 0)))
                }
                // Behind the word that nothing is to be cut.
                let areWhole = arrived == frames.map { [UInt8](repeating: 0, count: 10) + $0 }
                #expect(areWhole)
                #expect(group.total(\.segmentFallbacks) == 1)
            }
            #expect(group.total(\.sentDatagrams) == 4 && group.total(\.unsentError) == 0)
        }
    }

    /// Messages of one flow gather what stands between others.
    private func precedes(_ one: [UInt8], _ other: [UInt8]) -> Bool { one.lexicographicallyPrecedes(other) }

    @Test(arguments: [false, true])
    func `headers that are cut or lie about lengths do no harm`(isIPv6: Bool) throws {
        let first = Segment(isIPv6: isIPv6).with(\.payload, [UInt8](repeating: 5, count: 400))
        let whole = first.frame
        var frames = (14..<120).map { Array(whole[..<$0]) }
        for index in 12..<90 {
            for value in [0, whole[index] &+ 1] as [UInt8] {
                var frame = whole
                frame[index] = value
                frames.append(frame)
            }
        }
        frames = frames.flatMap { [$0, first.next().frame] }
        let (arrived, _) = try carry(frames)
        #expect(
            arrived.map(withoutIdentification).sorted(by: precedes)
                == frames.map(withoutIdentification).sorted(by: precedes))
    }
}

/// A port between two calls of its lane.
private final class Held: @unchecked Sendable {
    var port: FramePort?
}

/// Notes what comes for `Segment.target`.
private final class TargetLog: FrameHandler {
    private let log: Log<[UInt8]>
    init(_ log: Log<[UInt8]>) { self.log = log }

    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on port: FramePort) {
        for frame in frames where frame.octets.prefix(6) == SegmentTests.Segment.target[...] {
            log.add(frame.octets)
        }
    }

    func ended(_ port: FramePort, error: SocketError?) {}
}
#endif
