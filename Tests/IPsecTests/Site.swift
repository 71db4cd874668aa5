import ESP
import IKEPeer
import LentPackets
import OpenSSL
import PPP
import PluginABI
import Testing
import Wire

@testable import IKEv1
@testable import IPsecCore

/// A server with the host's part played by the test, and its peers.
final class Site {
    static let serverAddress = TransportAddress(ipv4: 0xc000_0201, port: 500)
    static let nativeSocket: UInt64 = 50

    /// Whatever comes next meets another instance of the engine, in every test that begins so.
    @TaskLocal static var swapsAllTheTime = false

    private(set) var server: IPsecServer
    private let options: IKEOptions
    private let calls: CallOptions
    /// Outputs within outputs: at rest is whoever has none.
    private var depth = 0
    /// Places as the instance before called them.
    private var renamed: [PlaceID: PlaceID] = [:]
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var peers: [IKEPeer] = []
    /// Events of the host, one a line.
    var events: [String] = []
    /// What the accounts say of an identity.
    var refusal: (String) -> String? = { _ in nil }
    var questions: [IdentityQuestion] = []
    var answersAtOnce = true
    var opened: [SessionWish] = []
    /// Hears what the server sends in ESP by itself: next header and payload.
    var heardESP: (UInt8, [UInt8]) throws -> Void = { _, _ in }

    /// What the accounts say of a user.
    var judge: (Evidence) -> AuthenticationVerdict = { _ in .refused(.credentials) }
    var users: [UserQuestion] = []
    /// What a client on layer 3 gets; nil: it waits.
    var network: PeerNetwork? = PeerNetwork(
        address: IPv4Address(0x0a58_0064), own: IPv4Address(0x0a58_0001), dns: [IPv4Address(0x0a58_0002)])

    init(calls: CallOptions = CallOptions(), _ change: (inout IKEOptions) -> Void = { _ in }) throws {
        var options = IKEOptions(preSharedKeys: [SecretBytes(copying: Array("secret".utf8))])
        change(&options)
        (self.options, self.calls) = (options, calls)
        server = try IPsecServer(
            options, calls: calls, cookieKey: Array(repeating: 7, count: 32), random: SplitMix64(seed: 1)
        )
        server.listensNatively(.ipv4, socket: Self.nativeSocket)
    }

    /// A peer with EtherIP between two hosts, in transport mode.
    func peer(
        _ host: UInt32 = 2, port: UInt16 = 500, seed: UInt64? = nil, _ change: (IKEPeer) -> Void = { _ in }
    ) throws -> IKEPeer {
        let path = IKEPath(
            socket: 1, remote: TransportAddress(ipv4: 0xc633_6400 + host, port: port),
            local: Self.serverAddress, isEncapsulated: false)
        let seed = seed ?? UInt64(host) << 16 | UInt64(port)
        let peer = IKEPeer(path: path, random: SplitMix64(seed: seed))
        peer.selectors = (
            Identification(.ipv4Address, path.remote.octets, protocolNumber: 97),
            Identification(.ipv4Address, Self.serverAddress.octets, protocolNumber: 97)
        )
        change(peer)
        peers.append(peer)
        try send(peer.start(), from: peer)
        try send(peer.startQuickMode(), from: peer)
        return peer
    }

    func send(_ octets: [UInt8], from peer: IKEPeer) throws {
        server.receive(octets, from: peer.path, at: now)
        try drain()
    }

    func drain() throws {
        depth += 1
        defer { depth -= 1 }
        try perform()
        if depth == 1, Self.swapsAllTheTime { try swap() }
    }

    private func perform() throws {
        while let output = server.nextOutput() {
            switch output {
            case .send(let datagram, let path):
                guard try !hear(datagram) else { continue }
                guard let peer = peers.last(where: { $0.path == path }) else { continue }
                let octets = Array(datagram.dropFirst(path.isEncapsulated ? 4 : 0))
                for answer in try peer.receive(octets) { try send(answer, from: peer) }
            case .authenticate(let question):
                events.append("authenticate \(question.identity)")
                questions.append(question)
                if answersAtOnce { answer(question) }
            case .authenticateUser(let question):
                events.append("user \(question.evidence.loggedName)")
                users.append(question)
                if answersAtOnce { answer(question) }
            case .withdrawAuthentication: events.append("withdraw")
            case .openSession(let wish):
                events.append("open \(wish.protocolName) \(wish.cipher)")
                opened.append(wish)
                guard wish.network != nil else {
                    server.sessionOpened(wish.place, at: now)
                    continue
                }
                if let network { server.networkOpened(wish.place, network, at: now) }
            case .closeSession(_, let ending): events.append("close \(ending)")
            case .joinIPv6Link(_, let own, let peer): events.append("IPv6 \(own != peer)")
            case .moved(_, let address): events.append("moved \(address)")
            case .log: break
            }
        }
    }

    func answer(_ question: IdentityQuestion) {
        server.decided(
            question.place, ticket: question.ticket, refusal: refusal(question.identity), at: now)
    }

    func answer(_ question: UserQuestion) {
        server.decided(question.place, ticket: question.ticket, judge(question.evidence), at: now)
    }

    func wait(_ duration: Duration) throws {
        let end = now + duration
        while let deadline = server.deadline, deadline <= end {
            now = max(now, deadline)
            server.handleTimeout(at: now)
            try drain()
        }
        now = end
    }

    // MARK: Swaps

    /// Another instance takes over, which has all that this one had.
    func swap() throws {
        let other = try successor()
        var names: [PlaceID: (place: PlaceID, ticket: UInt64)] = [:]
        for (party, record) in try records() {
            let arrival = try ArrivingParty(parsing: record) { SplitMix64(seed: 5) }
            try #require(other.hasPlace(for: arrival))
            server.giveUp(party)
            let adopted = other.adopt(arrival, at: now)
            for (old, new) in zip(party.places, adopted) { names[old] = new }
            let again = try #require(other.party(of: party.names[0]))
            #expect(again.names == party.names && again.number == party.number)
            #expect(other.record(of: again) == record)
        }
        #expect(server.saCount == 0 && server.peerCount == 0 && server.children.isEmpty)
        #expect(server.calls.count == 0 && server.nextOutput() == nil && other.nextOutput() == nil)
        other.drops = server.drops
        server = other
        rename(names)
    }

    /// Of the same options, and with what all share.
    func successor() throws -> IPsecServer {
        let other = try IPsecServer(
            options, calls: calls, cookieKey: Array(repeating: 8, count: 32), random: SplitMix64(seed: 2)
        )
        other.listensNatively(.ipv4, socket: Self.nativeSocket)
        let shared = server.sharedRecord
        var reader = ByteReader(shared.rawSpan)
        try other.take(IPsecServer.shared(parsing: &reader))
        return other
    }

    /// All parties that there are.
    func records() throws -> [(Party, [UInt8])] {
        var numbers: Set<UInt64> = []
        return try server.names.compactMap { name in
            let party = try #require(server.party(of: name))
            guard numbers.insert(party.number).inserted else { return nil }
            return (party, try #require(server.record(of: party)))
        }
    }

    private func rename(_ names: [PlaceID: (place: PlaceID, ticket: UInt64)]) {
        renamed = names.mapValues(\.place)
        opened = opened.map { $0.at(names[$0.place]?.place ?? $0.place) }
        questions = questions.map { question in
            names[question.place].map { question.at($0.place, ticket: $0.ticket) } ?? question
        }
        users = users.map { question in
            names[question.place].map { question.at($0.place, ticket: $0.ticket) } ?? question
        }
    }

    /// What the instance that there is now calls a place.
    func current(_ place: PlaceID) -> PlaceID { renamed[place] ?? place }

    // MARK: Data

    /// Where the peer's ESP comes from.
    static func dataPath(of peer: IKEPeer) -> IKEPath {
        var path = peer.path
        guard !peer.suite.mode.isInUDP else { return path }
        path.socket = nativeSocket
        path.remote = path.remote.withoutPort
        path.local = path.local?.withoutPort
        return path
    }

    /// A packet of the peer's newest SA.
    func deliver(
        _ payload: [UInt8], nextHeader: UInt8 = 97, from peer: IKEPeer, on path: IKEPath? = nil
    ) throws -> (IPsecReceived, [UInt8]) {
        let child = try newest(of: peer)
        let packet = LentPacket(payload)
        _ = child.outbound.seal(&packet.slice, nextHeader: nextHeader)
        let received = server.open(&packet.slice, from: path ?? Self.dataPath(of: peer), at: now)
        server.settleAfterData(at: now)
        try drain()
        guard case .frame(let place) = received else { return (received, packet.octets) }
        return (.frame(current(place)), packet.octets)
    }

    /// False: it is no packet of ESP to one of the peers.
    private func hear(_ datagram: [UInt8]) throws -> Bool {
        let spi = datagram.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        for peer in peers {
            guard let sa = try sas(of: peer).first(where: { $0.inbound.spi == spi }) else { continue }
            let packet = LentPacket(datagram)
            guard case .payload(let number) = sa.inbound.open(&packet.slice) else { continue }
            try heardESP(number, packet.octets)
            return true
        }
        return false
    }

    /// What a frame from the hub is to the peer; nil: it does not leave.
    func transmit(
        _ frame: [UInt8], to peer: IKEPeer, _ place: PlaceID? = nil
    ) throws -> (nextHeader: UInt8, payload: [UInt8])? {
        guard let id = place ?? opened.last?.place else { return nil }
        let packet = LentPacket(frame)
        guard server.seal(&packet.slice, to: id, at: now) else { return nil }
        let spi = packet.octets.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        let child = try sas(of: peer).first { $0.inbound.spi == spi }
        guard let child, case .payload(let number) = child.inbound.open(&packet.slice) else { return nil }
        return (number, packet.octets)
    }

    private var made: [UInt32: PeerSA] = [:]

    private func sas(of peer: IKEPeer) throws -> [PeerSA] {
        try peer.children.map { child in
            if let sa = made[child.spi] { return sa }
            let sa = try PeerSA(child)
            made[child.spi] = sa
            return sa
        }
    }

    func newest(of peer: IKEPeer) throws -> PeerSA { try sas(of: peer)[peer.children.count - 1] }

    func drops(_ reason: IPsecDrop) -> Int { server.drops[reason.rawValue] }
}

/// A peer's side of a pair of ESP SAs.
final class PeerSA {
    let inbound: InboundSA
    let outbound: OutboundSA

    init(_ child: ChildSA) throws {
        inbound = try InboundSA(spi: child.spi, child.suite.esp, keys: child.inboundKeys)
        outbound = try OutboundSA(spi: child.peerSPI, child.suite.esp, keys: child.outboundKeys)
    }
}

enum LentLength {
    /// Octets of the packet that a frame of `count` octets becomes.
    static func packet(_ site: Site, _ wish: SessionWish, count: Int) -> Int {
        let lent = LentPacket([UInt8](repeating: 1, count: count))
        _ = site.server.seal(&lent.slice, to: wish.place, at: site.now)
        return lent.octets.count
    }
}

extension SessionWish {
    fileprivate func at(_ place: PlaceID) -> SessionWish {
        SessionWish(
            place: place, mtu: mtu, headroom: headroom, tailroom: tailroom, protocolName: protocolName,
            cipher: cipher, identity: identity, remote: remote, network: network)
    }
}

extension IdentityQuestion {
    fileprivate func at(_ place: PlaceID, ticket: UInt64) -> IdentityQuestion {
        IdentityQuestion(
            place: place, ticket: ticket, identity: identity, scope: scope, remote: remote,
            protocolName: protocolName)
    }
}

extension UserQuestion {
    fileprivate func at(_ place: PlaceID, ticket: UInt64) -> UserQuestion {
        UserQuestion(
            place: place, ticket: ticket, evidence: evidence, hubs: hubs, remote: remote, software: software,
            protocolName: protocolName)
    }
}
