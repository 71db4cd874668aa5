package import FakeHost
import OpenVPNAdapter
package import OpenVPNCore
package import OpenVPNTestClient
package import PluginABI
import PluginKit
import Wire

/// The module between a fake host, which plays all that the host does, and simulated clients. The clock is
/// the host's.
package final class Site {
    package static let socket: UInt64 = 4
    package static let local = pa_address_v1.ipv4(192, 0, 2, 1, port: 1194)

    /// A client, and its way to the module.
    package final class Guest {
        package let client: SimulatedClient
        package let address: pa_address_v1
        /// Over TCP.
        package var stream: UInt64?
        package var token: UInt64 = 0
        package var reports: [SimulatedClient.Output] = []
        /// Of a stream, towards the module and back.
        var untaken: [UInt8] = []
        var unread: [UInt8] = []

        init(_ client: SimulatedClient, _ address: pa_address_v1) {
            self.client = client
            self.address = address
        }
    }

    package let host = FakeHost()
    package let module: LoadedModule
    package let datagram: pa_datagram_module_v1
    package let stream: pa_stream_module_v1
    package let session: pa_session_module_v1
    package let auth: pa_auth_module_v1
    package let timer: pa_timer_module_v1
    private var random = SplitMix64(seed: 7)
    package var guests: [Guest] = []
    /// Verdicts and sessions come at once; nil: a test answers itself.
    package var verdict: UInt32? = PA_VERDICT_ACCEPTED
    package var opensSessions = true
    /// Sessions that open have IPv6: 2001:db8:30::10 of 64 bits, with a router.
    package var hasIPv6 = false
    /// Streams come in pieces of so many octets.
    package var pieces = Int.max

    package init(lane: UInt32 = 0, of lanes: UInt32 = 1, options: [String: FakeHost.FakeOption] = [:]) throws
    {
        host.now = 1_000_000_000_000
        host.certificate = (
            TestCertificates.server.chain, TestCertificates.server.key, TestCertificates.authority
        )
        module = try LoadedModule(ModuleEntry.descriptor(of: OpenVPNModule.self), in: host)
        datagram = try module.table(PA_DATAGRAM)
        stream = try module.table(PA_STREAM)
        session = try module.table(PA_SESSION)
        auth = try module.table(PA_AUTH)
        timer = try module.table(PA_TIMER)
        host.options = options
        host.takeDefaults(of: try module.table(PA_OPTION))
        try module.check(module.start())
        try module.check(module.enterLane(lane, of: lanes))
        var local = Self.local
        datagram.listening(module.laneState, Self.socket, &local)
    }

    package var moment: Moment { Moment(Instant(nanoseconds: host.now), wallSeconds: 1_700_000_000) }

    /// Somebody comes; `run` lets him get further.
    package func invite(_ options: SimulatedClient.Options = .init()) throws -> Guest {
        let number = UInt8(truncatingIfNeeded: guests.count + 1)
        let client = try SimulatedClient(options, random: &random, at: moment)
        let guest = Guest(client, .ipv4(198, 51, 100, number, port: 5000))
        guests.append(guest)
        if options.isStream {
            guest.stream = 500 + UInt64(number)
            host.streamRemote = guest.address
            guest.token = stream.opened(module.laneState, guest.stream!, 0)
        }
        return guest
    }

    /// Until `isDone`, for so many seconds of the host's clock at most.
    @discardableResult
    package func run(for seconds: UInt64 = 30, until isDone: () -> Bool) -> Bool {
        let end = host.now + seconds * 1_000_000_000
        while true {
            pump()
            if isDone() { return true }
            let next =
                (guests.compactMap { $0.client.deadline?.nanoseconds } + host.timers.values).min() ?? end
            guard next < end else { return false }
            host.now = max(host.now, next)
            for guest in guests { guest.client.handleTimeout(at: moment) }
            for (token, at) in host.timers where at <= host.now {
                host.timers[token] = nil
                timer.expired(module.laneState, token)
            }
        }
    }

    /// Everything that is under way arrives.
    package func pump() {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for guest in guests {
                while let output = guest.client.nextOutput() {
                    isQuiet = false
                    guest.reports.append(output)
                    if case .send(let octets) = output { deliver(octets, from: guest) }
                }
            }
            if answer() || returnPackets() { isQuiet = false }
        }
    }

    package func end() { module.end() }
}

// MARK: - The host's part

extension Site {
    /// A packet on its way in.
    package func deliver(_ octets: [UInt8], from guest: Guest) {
        guard guest.stream == nil else {
            guest.untaken += [UInt8(octets.count >> 8), UInt8(octets.count & 255)] + octets
            return deliverStream(of: guest)
        }
        deliver([(octets, guest)])
    }

    /// A batch of datagrams.
    package func deliver(_ packets: [([UInt8], Guest)]) {
        let local = host.memory.array([Self.local])
        let batch = host.memory.array(
            packets.map { octets, guest in
                pa_datagram_v1(
                    payload: host.memory.slice(octets, headroom: 64, tailroom: 64),
                    remote: host.memory.array([guest.address]), local: local)
            })
        datagram.received(module.laneState, Self.socket, batch, UInt32(packets.count))
    }

    private func deliverStream(of guest: Guest) {
        while !guest.untaken.isEmpty {
            let piece = Array(guest.untaken.prefix(max(pieces, guest.unread.isEmpty ? 0 : pieces)))
            var offered = piece.count
            var taken = stream.received(module.laneState, guest.token, host.memory.slice(piece))
            // What was not taken comes again with more behind it.
            while taken == 0, offered < guest.untaken.count {
                offered = min(offered + pieces, guest.untaken.count)
                taken = stream.received(
                    module.laneState, guest.token, host.memory.slice(Array(guest.untaken.prefix(offered))))
            }
            guard taken > 0 else { return }
            guest.untaken.removeFirst(taken)
        }
    }

    private func answer() -> Bool {
        var hasAnswered = false
        if let verdict, !host.questions.isEmpty {
            let question = host.questions.removeFirst()
            decide(question.token, verdict)
            hasAnswered = true
        }
        if opensSessions, !host.openings.isEmpty {
            open(host.openings.removeFirst().token)
            hasAnswered = true
        }
        return hasAnswered
    }

    package func decide(_ token: UInt64, _ code: UInt32, identity: UInt64? = nil) {
        var verdict = pa_verdict_v1()
        verdict.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        verdict.code = code
        verdict.identity = code == PA_VERDICT_ACCEPTED ? identity ?? 1000 + token : 0
        auth.decided(module.laneState, token, &verdict)
    }

    package func tellIPv6(_ token: UInt64) {
        guard let table: pa_ipv6_module_v1 = try? module.table(PA_IPV6) else { return }
        var parameters = pa_ipv6_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_ipv6_parameters_v1>.size)
        parameters.prefix = 64
        parameters.address = .ipv6(0x2001, 0xdb8, 0x30, 0, 0, 0, 0, 0x10)
        parameters.gateway = .ipv6(0xfe80, 0, 0, 0, 0, 0, 0, 1)
        parameters.dns = UnsafePointer(
            host.memory.array([pa_address_v1.ipv6(0x2001, 0xdb8, 0x30, 0, 0, 0, 0, 0x53)]))
        parameters.dns_count = 1
        var routes = [pa_route_v1(), pa_route_v1()]
        for (index, network) in [0x30, 0x31].enumerated() {
            routes[index].family = UInt8(PA_FAMILY_IPV6)
            routes[index].prefix = 64
            routes[index].network = pa_address_v1.ipv6(0x2001, 0xdb8, UInt16(network)).octets
        }
        parameters.routes = UnsafePointer(host.memory.array(routes))
        parameters.route_count = 2
        table.changed(module.laneState, token, &parameters)
    }

    /// The session of a token has the handle token + 1, so that tests see which is which.
    package func open(_ token: UInt64) {
        if hasIPv6 { tellIPv6(token) }
        var parameters = pa_session_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_session_parameters_v1>.size)
        parameters.prefix = 24
        parameters.address = .ipv4(192, 168, 30, 10)
        parameters.gateway = .ipv4(192, 168, 30, 1)
        parameters.dns = UnsafePointer(host.memory.array([pa_address_v1.ipv4(192, 168, 30, 1)]))
        parameters.dns_count = 1
        var route = pa_route_v1()
        route.family = UInt8(PA_FAMILY_IPV4)
        route.prefix = 8
        route.network.0 = 10
        parameters.routes = UnsafePointer(host.memory.array([route]))
        parameters.route_count = 1
        parameters.domain = host.memory.text("lab.example")
        session.opened(module.laneState, token, token + 1, &parameters)
    }

    private func returnPackets() -> Bool {
        let sent = host.sent
        host.sent = []
        for (remote, octets) in sent {
            guests.first { $0.address.text == remote.text }?.client.receive(octets, at: moment)
        }
        var hasRead = false
        for guest in guests {
            guard let stream = guest.stream, let octets = host.written.removeValue(forKey: stream) else {
                continue
            }
            guest.unread += octets
            hasRead = true
            while guest.unread.count >= 2 {
                let length = Int(guest.unread[0]) << 8 | Int(guest.unread[1])
                guard guest.unread.count >= 2 + length else { break }
                guest.client.receive(Array(guest.unread[2..<2 + length]), at: moment)
                guest.unread.removeFirst(2 + length)
            }
        }
        return hasRead || !sent.isEmpty
    }

    /// From the hub to a client. The room is what the session asked for.
    package func transmit(
        _ payloads: [[UInt8]], toSession token: UInt64, headroom: Int = 64, tailroom: Int = 32
    ) {
        let batch = host.memory.array(
            payloads.map { host.memory.slice($0, headroom: headroom, tailroom: tailroom) })
        session.transmit(module.laneState, token, batch, UInt32(payloads.count))
    }
}

extension Site.Guest {
    package var words: [String] {
        reports.compactMap { if case .ended(let words) = $0 { words } else { nil } }
    }
    package var payloads: [[UInt8]] {
        reports.compactMap { if case .received(let octets) = $0 { octets } else { nil } }
    }
    package var renewals: Int { reports.count { if case .renewed = $0 { true } else { false } } }
}

/// An IP packet by its looks.
package func payload(_ number: UInt8, count: Int = 60) -> [UInt8] {
    [0x45] + (1..<count).map { UInt8(truncatingIfNeeded: $0 &+ Int(number)) }
}
