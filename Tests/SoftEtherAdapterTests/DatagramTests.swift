import FakeHost
import OpenSSL
import PluginABI
import PluginKit
import SoftEtherCore
import Testing

@testable import SoftEtherAdapter

/// Frames as datagrams.
@Suite struct DatagramTests {
    private let key = Acceleration.clientKey

    @Test func `without a listener nothing is offered`() throws {
        let site = try Site()
        defer { site.end() }
        let (_, welcome) = site.connect(5, Acceleration.offer)
        #expect(welcomed("use_udp_acceleration", in: welcome) == nil)
    }

    @Test func `frames come as datagrams, and go as such once they have come for ten seconds`() throws {
        let site = try Site()
        defer { site.end() }
        site.listen()
        site.knock(5)
        site.login(5, Acceleration.offer)
        site.decide(PA_VERDICT_ACCEPTED)
        #expect(site.host.said().contains { $0.hasPrefix("open layer 2 for 77 mtu 1361 room 35+16 ") })
        let token = site.host.openings.removeFirst().token
        site.session.opened(site.module.laneState, token, 900, nil)
        let welcome = site.host.written.removeValue(forKey: 5) ?? []
        #expect(welcomed("udp_acceleration_server_port", in: welcome) == 5555)
        #expect(welcomed("udp_acceleration_version", in: welcome) == 2)
        let cookie = try #require(welcomed("udp_acceleration_server_cookie", in: welcome))

        site.deliver(try sealed(frame(1), cookie: cookie, tick: 1000))
        #expect(site.host.frames.map(\.octets) == [frame(1)])
        site.deliver(try sealed(frame(1), cookie: cookie, tick: 1000))
        site.deliver(try sealed(frame(2), cookie: cookie &+ 1, tick: 1001))
        #expect(site.host.frames.count == 1, "neither replays nor strangers")
        site.transmit([frame(3)], token)
        #expect(site.host.written[5] == [0, 0, 0, 1] + block(frame(3)), "over TCP still")

        for second in 1...10 as ClosedRange<UInt64> {
            site.pass(seconds: 1)
            site.deliver(try sealed([], cookie: cookie, tick: 1000 + second * 1000), port: 40001)
        }
        site.host.sent = []
        site.host.written = [:]
        site.transmit([frame(4), frame(5)], token)
        #expect(site.host.sent.map(\.octets.count) == [60 + 51, 60 + 51])
        #expect(site.host.sent.allSatisfy { $0.remote.port == 40001 }, "where the client is now")
        #expect(site.host.written.isEmpty)
        site.pass(seconds: 3)
        site.host.written = [:]
        site.transmit([frame(6)], token)
        #expect(site.host.written[5] == [0, 0, 0, 1] + block(frame(6)), "back to TCP after a gap")
    }

    @Test func `a session that is over is not found any more`() throws {
        let site = try Site()
        defer { site.end() }
        site.listen()
        let (_, welcome) = site.connect(5, Acceleration.offer)
        let cookie = try #require(welcomed("udp_acceleration_server_cookie", in: welcome))
        site.stream.closed(site.module.laneState, 5, PA_STREAM_REMOTE)
        site.deliver(try sealed(frame(1), cookie: cookie, tick: 1000))
        #expect(site.host.frames.isEmpty)
    }

    /// Two sessions of one client, each on its lane, whose datagrams come from one port in turn.
    @Test func `lanes do not send each other a datagram for ever`() throws {
        let directory = AccelerationDirectory()
        let here = AccelerationDirectory.Place(lane: 0, session: 1)
        let there = AccelerationDirectory.Place(lane: 1, session: 2)
        let remote = Endpoint(ipv4: 0xc633_6407, port: 40_000)
        let other = [UInt8](128..<160)
        directory.add(here, from: remote, key: SecretBytes(copying: Array(key[..<32])))
        directory.add(there, from: remote, key: SecretBytes(copying: other))
        let first = try sealed(frame(1), cookie: 1, tick: 1000)
        let second = try sealed(frame(2), cookie: 2, tick: 1000, key: other)
        #expect(directory.find(first, from: remote) == here)
        #expect(directory.find(second, from: remote) == here, "all lanes have one answer for a source")
        let generation = directory.generation
        directory.forget(remote, of: there)
        #expect(directory.generation == generation, "it was another's")
        directory.forget(remote, of: here)
        #expect(directory.generation != generation, "what the lanes remember is looked at again")
        #expect(directory.find(second, from: remote) == there)
        let neighbour = SecretBytes(copying: [UInt8](repeating: 9, count: 32))
        for session in 10..<30 as Range<UInt64> {
            directory.add(
                AccelerationDirectory.Place(lane: 0, session: session), from: remote, key: neighbour)
        }
        #expect(directory.find(second, from: remote) == there, "who was found stays found")
        for session in 10..<30 as Range<UInt64> {
            directory.remove(AccelerationDirectory.Place(lane: 0, session: session), from: remote)
        }
        directory.remove(there, from: remote)
        #expect(directory.find(second, from: remote) == nil)
        #expect(directory.find(first, from: remote) == here)
    }

    @Test func `a forgery does not displace the client whose address it bears`() throws {
        let site = try Site()
        defer { site.end() }
        site.listen()
        let (_, welcome) = site.connect(5, Acceleration.offer)
        let cookie = try #require(welcomed("udp_acceleration_server_cookie", in: welcome))
        site.deliver(try sealed(frame(1), cookie: cookie, tick: 1000))
        site.deliver([UInt8](repeating: 7, count: 80))
        site.deliver(try sealed(frame(2), cookie: cookie, tick: 1001))
        #expect(site.host.frames.map(\.octets) == [frame(1), frame(2)])
    }
}
