import FakeHost
import OpenVPNCore
import OpenVPNSite
import OpenVPNTestClient
import PluginABI
import Testing

/// Clients through the whole module: from their first packet to a session on a hub, and back out.
@Suite struct SessionTests {
    @Test(arguments: [false, true]) func `a client gets a session, and packets flow both ways`(
        isStream: Bool
    ) throws {
        let site = try Site()
        defer { site.end() }
        var options = SimulatedClient.Options()
        options.isStream = isStream
        let guest = try site.invite(options)
        #expect(site.run { guest.client.isConnected })
        let said = site.host.said()
        let asked = try #require(said.first { $0.hasPrefix("ask") })
        #expect(asked == "ask 1 alice \(Array("secret".utf8).hex) from 198.51.100.1:5000 as 1")
        let opened = try #require(said.first { $0.hasPrefix("open layer") })
        #expect(opened.hasPrefix("open layer 3 for 1001 mtu "))
        #expect(
            opened.contains(" room \(isStream ? 26 : 24)+0 OpenVPN AES-256-GCM from 198.51.100.1:5000 as "))
        #expect(guest.client.pushed.contains("ifconfig 192.168.30.10 255.255.255.0"))
        #expect(guest.client.pushed.contains("route 10.0.0.0 255.0.0.0"))
        #expect(guest.client.pushed.contains("dhcp-option DNS 192.168.30.1"))

        let token = try #require(site.token(opened))
        guest.client.send(payload(1), at: site.moment)
        site.pump()
        #expect(site.host.frames.map(\.session) == [token + 1])
        #expect(site.host.frames.map(\.octets) == [payload(1)])
        site.transmit([payload(2), payload(3)], toSession: token)
        site.pump()
        #expect(guest.payloads == [payload(2), payload(3)])
    }

    @Test func `a tun client is told what it has of IPv6 when its session opens`() throws {
        let site = try Site()
        defer { site.end() }
        site.hasIPv6 = true
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        #expect(site.host.openingsWithIPv6.count == 1)
        let pushed = guest.client.pushed
        #expect(pushed.contains("ifconfig-ipv6 2001:db8:30::10/64 fe80::1"))
        // The network around the address is there without a route.
        #expect(pushed.filter { $0.hasPrefix("route-ipv6") } == ["route-ipv6 2001:db8:31::/64"])
        #expect(pushed.contains("dhcp-option DNS6 2001:db8:30::53"))
        #expect(pushed.contains("redirect-gateway def1 ipv6"))
    }

    @Test func `where the hub has no IPv6, or no room for it, nothing is said of it`() throws {
        for options in [[:], ["tun-mtu": .integer(1279)]] as [[String: FakeHost.FakeOption]] {
            let site = try Site(options: options)
            defer { site.end() }
            let guest = try site.invite()
            #expect(site.run { guest.client.isConnected })
            #expect(site.host.openingsWithIPv6.count == (options.isEmpty ? 1 : 0))
            #expect(!guest.client.pushed.contains { $0.contains("ipv6") })
            let token = try #require(site.host.said().compactMap { site.token($0) }.first)
            site.tellIPv6(token)
            site.tellIPv6(token + 77)
        }
    }

    @Test func `packets of one session go to the hub together, in order`() throws {
        let site = try Site()
        defer { site.end() }
        let (one, other) = (try site.invite(), try site.invite())
        #expect(site.run { one.client.isConnected && other.client.isConnected })
        _ = site.host.said()
        let packets = (0..<3).map { site.packet(of: one, payload($0)) } + [site.packet(of: other, payload(9))]
        site.deliver([(packets[0], one), (packets[1], one), (packets[3], other), (packets[2], one)])
        let frames = site.host.said().filter { $0.hasPrefix("frames") }
        #expect(frames.count == 3)
        #expect(frames[0].hasSuffix(": \(payload(0).hex) \(payload(1).hex)"))
        #expect(frames[1].hasSuffix(": \(payload(9).hex)"))
        #expect(frames[2].hasSuffix(": \(payload(2).hex)"))
    }

    @Test func `a frame without room is left out, the others go`() throws {
        let site = try Site()
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        let token = try #require(site.host.said().compactMap { site.token($0) }.first)
        site.transmit([payload(1)], toSession: token, headroom: 3)
        site.transmit([payload(2)], toSession: token)
        site.transmit([payload(3)], toSession: token + 77)
        site.pump()
        #expect(guest.payloads == [payload(2)])
    }

    @Test func `a tap client is put on the hub at layer 2 and asks for its address itself`() throws {
        let site = try Site()
        defer { site.end() }
        var options = SimulatedClient.Options()
        options.device = .tap
        let guest = try site.invite(options)
        site.opensSessions = false
        #expect(site.run { !site.host.openings.isEmpty })
        #expect(site.host.said().contains { $0.hasPrefix("open layer 2 ") })
        let token = site.host.openings.removeFirst().token
        site.session.opened(site.module.laneState, token, 9, nil)
        #expect(site.run { guest.client.isConnected })
        #expect(!guest.client.pushed.contains { $0.hasPrefix("ifconfig") })
    }

    @Test func `a wrong password is told, and counted`() throws {
        let site = try Site()
        defer { site.end() }
        site.verdict = PA_VERDICT_CREDENTIALS
        let guest = try site.invite()
        site.run { !guest.words.isEmpty }
        #expect(guest.words == ["AUTH_FAILED,wrong user name or password"])
        #expect(site.host.said().contains("metric 7 += 1"))
        #expect(try site.command("statistics").contains("refused 1\n"))
    }

    @Test func `a client that shows nothing is not asked about`() throws {
        let site = try Site()
        defer { site.end() }
        var options = SimulatedClient.Options()
        (options.username, options.password) = (nil, nil)
        let guest = try site.invite(options)
        site.run { !guest.words.isEmpty }
        #expect(guest.words == ["AUTH_FAILED,this server wants a user name and a password"])
        #expect(!site.host.said().contains { $0.hasPrefix("ask") })
    }

    @Test func `no address, no session`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        let guest = try site.invite()
        #expect(site.run { !site.host.openings.isEmpty })
        site.session.refused(
            site.module.laneState, site.host.openings[0].token, PA_REASON_NO_ADDRESS, "no DHCP server answers"
        )
        site.run { !guest.words.isEmpty }
        #expect(guest.words == ["AUTH_FAILED,no DHCP server answers"])
    }

    @Test func `who leaves while the answer is out leaves no question behind`() throws {
        let site = try Site()
        defer { site.end() }
        site.verdict = nil
        _ = try site.invite()
        #expect(site.run { !site.host.questions.isEmpty })
        site.run(for: 120) { site.host.questions.isEmpty }
        #expect(site.host.questions.isEmpty)
        #expect(site.host.said().contains { $0.hasPrefix("withdraw question") })
    }
}

/// How sessions end, from either side.
@Suite struct EndingTests {
    @Test func `reasons have the numbers of the ABI`() {
        let numbers = [
            PA_REASON_CLIENT, PA_REASON_TIMEOUT, PA_REASON_PROTOCOL, PA_REASON_TRANSPORT,
            PA_REASON_AUTHENTICATION, PA_REASON_ADMINISTRATOR, PA_REASON_SHUTDOWN, PA_REASON_NO_ADDRESS,
            PA_REASON_POLICY, PA_REASON_REPLACED,
        ]
        let reasons: [EndReason] = [
            .client, .timeout, .protocolError, .transport, .authentication, .administrator, .shutdown,
            .noAddress, .policy, .replaced,
        ]
        #expect(reasons.map(\.rawValue) == numbers && EndReason.allCases == reasons)
    }

    private func connected(isStream: Bool = false) throws -> (Site, Site.Guest, token: UInt64) {
        let site = try Site()
        var options = SimulatedClient.Options()
        options.isStream = isStream
        let guest = try site.invite(options)
        #expect(site.run { guest.client.isConnected })
        return (site, guest, try #require(site.host.said().compactMap { site.token($0) }.first))
    }

    @Test func `the administrator's word halts the client`() throws {
        let (site, guest, token) = try connected()
        defer { site.end() }
        site.session.closed(site.module.laneState, token, PA_REASON_ADMINISTRATOR, "maintenance")
        site.pump()
        #expect(guest.words == ["HALT,maintenance"])
        #expect(!site.host.said().contains { $0.hasPrefix("close session") })
    }

    @Test(arguments: [false, true]) func `a lane that closes asks its clients to come again`(
        isStream: Bool
    ) throws {
        let (site, guest, token) = try connected(isStream: isStream)
        defer { site.end() }
        site.module.table.pointee.close_lane(site.module.laneState)
        site.pump()
        #expect(guest.words == ["RESTART,the server stops"])
        #expect(site.host.said().contains("close session \(token + 1) 7 the server stops"))
    }

    @Test func `a client that says goodbye ends its session`() throws {
        let (site, guest, token) = try connected()
        defer { site.end() }
        guest.client.say("EXIT", at: site.moment)
        site.pump()
        #expect(site.host.said().contains("close session \(token + 1) 1 the client said goodbye"))
    }

    @Test func `a silent client is gone`() throws {
        let (site, guest, token) = try connected()
        defer { site.end() }
        site.guests.removeAll { $0 === guest }
        site.run(for: 300) { site.host.timers.isEmpty }
        #expect(site.host.said().contains("close session \(token + 1) 2 the client is silent"))
    }

    @Test func `a stream that breaks ends its session`() throws {
        let (site, guest, token) = try connected(isStream: true)
        defer { site.end() }
        site.stream.closed(site.module.laneState, guest.token, PA_STREAM_REMOTE)
        #expect(site.host.said().contains("close session \(token + 1) 4 the stream was closed"))
    }

    @Test func `keys are renewed after reneg-sec, and the user is judged again`() throws {
        let site = try Site(options: ["reneg-sec": .integer(5)])
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        _ = site.host.said()
        #expect(site.run(for: 20) { guest.renewals > 0 })
        #expect(site.host.said().contains { $0.hasPrefix("ask 1 alice") })
        #expect(try site.command("statistics").contains("renegotiations 1\n"))
    }
}

extension Site {
    /// Of an opening in the transcript.
    func token(_ line: String) -> UInt64? {
        guard line.hasPrefix("open layer") else { return nil }
        return line.split(separator: " ").last.flatMap { UInt64($0) }
    }

    /// A data packet of a client, not delivered.
    func packet(of guest: Guest, _ payload: [UInt8]) -> [UInt8] {
        guest.client.send(payload, at: moment)
        guard case .send(let octets)? = guest.client.nextOutput() else { return [] }
        return octets
    }

    func command(_ name: String, _ arguments: String...) throws -> String {
        typealias State = UnsafeMutableRawPointer?
        typealias Text = UnsafePointer<CChar>?
        let table = try #require(module.capability(PA_COMMAND, pa_command_module_v1.self))
        let all = (0..<Int(table.count)).map { table.commands[$0]!.pointee }
        let raw = try #require(all.first { String(cString: $0.name) == name })
        #expect(raw.argument_count == arguments.count && raw.result == PA_TYPE_STRING)
        let state = module.table.pointee.state
        let result: Text
        switch arguments.count {
        case 0: result = unsafeBitCast(raw.function, to: (@convention(c) (State) -> Text).self)(state)
        case 1:
            let text = host.memory.text(arguments[0])
            result = unsafeBitCast(raw.function, to: (@convention(c) (State, Text) -> Text).self)(state, text)
        default:
            let (first, second) = (host.memory.text(arguments[0]), host.memory.text(arguments[1]))
            result = unsafeBitCast(raw.function, to: (@convention(c) (State, Text, Text) -> Text).self)(
                state, first, second)
        }
        return String(cString: try #require(result))
    }
}
