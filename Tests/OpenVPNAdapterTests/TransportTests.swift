import FakeHost
import OpenVPNCore
import OpenVPNSite
import OpenVPNTestClient
import PluginABI
import Testing

/// What sockets and streams do to packets.
@Suite struct TransportTests {
    private func connectedStream(pieces: Int = .max) throws -> (Site, Site.Guest, token: UInt64) {
        let site = try Site()
        site.pieces = pieces
        var options = SimulatedClient.Options()
        options.isStream = true
        let guest = try site.invite(options)
        #expect(site.run { guest.client.isConnected })
        return (site, guest, try #require(site.host.said().compactMap { site.token($0) }.first))
    }

    @Test(arguments: [1, 3, 100]) func `a stream may come in pieces`(octets: Int) throws {
        let (site, guest, token) = try connectedStream(pieces: octets)
        defer { site.end() }
        guest.client.send(payload(1), at: site.moment)
        site.pump()
        #expect(site.host.frames.map(\.octets) == [payload(1)])
        site.transmit([payload(2)], toSession: token)
        site.pump()
        #expect(guest.payloads == [payload(2)])
    }

    @Test func `several packets in one piece are opened in place, each with its own room`() throws {
        let (site, guest, _) = try connectedStream()
        defer { site.end() }
        let packets = (0..<3).map { site.packet(of: guest, payload($0)) }
        let octets = packets.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 }
        let slice = site.host.memory.slice(octets + [0])
        #expect(site.stream.received(site.module.laneState, guest.token, slice) == octets.count)
        #expect(site.host.frames.map(\.octets) == [payload(0), payload(1), payload(2)])
        let said = site.host.said().filter { $0.hasPrefix("frames") }
        #expect(said.count == 1)
    }

    @Test func `what is not OpenVPN any more ends the stream`() throws {
        let (site, guest, token) = try connectedStream()
        defer { site.end() }
        let slice = site.host.memory.slice([0xff, 0xff, 1])
        #expect(site.stream.received(site.module.laneState, guest.token, slice) == 3)
        #expect(site.host.closedStreams == [guest.stream])
        #expect(site.host.said().contains("close session \(token + 1) 4 the stream was closed"))
        #expect(site.stream.received(site.module.laneState, guest.token, slice) == 3)
    }

    @Test func `first octets are claimed for what they are`() throws {
        let site = try Site()
        defer { site.end() }
        var options = SimulatedClient.Options()
        options.isStream = true
        let guest = try site.invite(options)
        guard case .send(let reset)? = guest.client.nextOutput() else { return #expect(Bool(false)) }
        let octets = [UInt8(reset.count >> 8), UInt8(reset.count & 255)] + reset
        #expect(site.stream.claim(site.module.laneState, octets, 2) == PA_CLAIM_MORE)
        #expect(site.stream.claim(site.module.laneState, octets, octets.count) == PA_CLAIM_YES)
        #expect(site.stream.claim(site.module.laneState, [0x16, 3, 1, 2, 0], 5) == PA_CLAIM_NO)
    }

    /// OpenVPN takes packet ids without gaps alone over TCP.
    @Test func `a full queue keeps what is sealed for later, and drops the rest, counted`() throws {
        let (site, guest, token) = try connectedStream()
        defer { site.end() }
        site.host.writing = PA_ERROR_LIMIT
        site.transmit([payload(1), payload(2)], toSession: token)
        #expect(try site.command("statistics").contains("full_stream_drops 0\n"))
        site.transmit([payload(3), payload(4), payload(5)], toSession: token)
        #expect(try site.command("statistics").contains("full_stream_drops 3\n"))
        site.session.closed(site.module.laneState, token, PA_REASON_ADMINISTRATOR, "enough")
        site.pump()
        #expect(guest.words == [])
        site.host.writing = PA_OK
        site.stream.writable(site.module.laneState, guest.token, 0)
        site.pump()
        #expect(guest.words == ["HALT,enough"])
        #expect(guest.payloads == [payload(1), payload(2)])
    }

    @Test func `a stream that is to end begins no connection with what stands behind`() throws {
        let site = try Site()
        defer { site.end() }
        var options = SimulatedClient.Options()
        options.isStream = true
        let guest = try site.invite(options)
        guard case .send(let reset)? = guest.client.nextOutput() else { return #expect(Bool(false)) }
        let alien: [UInt8] = [0x28] + [UInt8](repeating: 7, count: 20)
        let octets = [alien, reset].flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 }
        let slice = site.host.memory.slice(octets)
        #expect(site.stream.received(site.module.laneState, guest.token, slice) == octets.count)
        #expect(site.host.closedStreams == [guest.stream])
        #expect(try site.command("statistics").hasPrefix("connections 0\n"))
    }

    @Test func `answers leave from the address that was talked to`() throws {
        let site = try Site()
        defer { site.end() }
        let guest = try site.invite()
        site.pump()
        let answers = site.host.said().filter { $0.hasPrefix("send copy \(Site.socket)") }
        #expect(!answers.isEmpty)
        #expect(answers.allSatisfy { $0.hasSuffix("192.0.2.1:1194 -> \(guest.address.text)") })
    }

    @Test func `the lane stands in the peer id, and strangers' packets go to their lane`() throws {
        let site = try Site(lane: 2, of: 4)
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        #expect(guest.client.pushed.contains("peer-id \(2 << 22)"))
        _ = site.host.said()
        let foreign: [UInt8] = [0x48, 0x40, 0, 0] + [UInt8](repeating: 1, count: 40)
        site.deliver(foreign, from: guest)
        #expect(
            site.host.said() == [
                "to lane 1, \(Site.socket) \(foreign.hex) 192.0.2.1:1194 -> \(guest.address.text)"
            ])
    }

    @Test func `garbage costs its sender the packet`() throws {
        let site = try Site()
        defer { site.end() }
        let guest = try site.invite()
        for length in 0..<80 {
            site.deliver([UInt8](repeating: UInt8(length * 3), count: length), from: guest)
        }
        #expect(!site.host.said().contains { $0.hasPrefix("send") })
        #expect(site.run { guest.client.isConnected })
        var packet = site.packet(of: guest, payload(1))
        packet[20] ^= 1
        site.deliver(packet, from: guest)
        #expect(site.host.frames.isEmpty)
        #expect(try site.command("statistics").contains("decrypt_failures 1\n"))
    }

    @Test func `the same packet twice is a replay`() throws {
        let site = try Site()
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        let packet = site.packet(of: guest, payload(1))
        site.deliver([(packet, guest), (packet, guest)])
        #expect(site.host.frames.count == 1)
        #expect(try site.command("statistics").contains("replays 1\n"))
    }
}
