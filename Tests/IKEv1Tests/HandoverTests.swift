import EngineParts
import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

/// SAs that go on in another instance of the engine. That all of their state is the same there is seen by
/// `Site.swap`, each time.
@Suite struct HandoverTests {
    private static let stories: [@Sendable () throws -> Void] = [
        { try MainModeTests().`six messages establish an ISAKMP SA, three more a pair of ESP SAs`() },
        { try MainModeTests().`a strong group is chosen before a weak one that stands in front of it`() },
        { try MainModeTests().`every message may be lost once`() },
        { try MainModeTests().`nothing is kept of a peer that only offers`() },
        { try MainModeTests().`a cookie is good at its address alone, and not for long`() },
        { try MainModeTests().`a client whose offer is known connects through a flood of made-up ones`() },
        {
            try MainModeTests()
                .`a NAT is seen by either side's address, and by the numbers of RFC and drafts`()
        },
        { try MainModeTests().`several clients behind one NAT have SAs of their own`() },
        { try MainModeTests().`the port floats in the fifth message, and later ones leave by it`() },
        { try MainModeTests().`initial contact ends what the same peer had before`() },
        { try AggressiveModeTests().`nobody is answered unless the administrator wants it`() },
        { try QuickModeTests().`selectors come back as they were sent`() },
        { try QuickModeTests().`ESP travels in UDP behind a NAT, and only there`() },
        { try QuickModeTests().`every message may be lost once`() },
        { try QuickModeTests().`the first message makes no second pair when it is replayed`() },
        { try QuickModeTests().`an SA that has carried its share gets a successor`() },
        { try QuickModeTests().`a peer that makes pairs without end loses its oldest`() },
        { try LifeTests().`a question whether we are there is answered with its number`() },
        { try LifeTests().`a silent peer is asked, and lives while it answers`() },
        { try LifeTests().`a peer without dead peer detection is not asked`() },
        { try LifeTests().`what the peer deletes is gone`() },
        { try LifeTests().`ESP SAs outlive the ISAKMP SA that another one of the same peer replaces`() },
        { try LifeTests().`at the end every peer is told`() },
        { try LifeTests().`what is not authentic ends nothing`() },
        { try LifeTests().`a replayed message does nothing`() },
        { try LifeTests().`peers of one identity behind one NAT are told apart, also at their ends`() },
        { try LifeTests().`a renewed phase 1 is asked for successors of what the one before has made`() },
        {
            try LifeTests()
                .`a question that is sent again is answered again, but not once a newer one has come`()
        },
        { try LifeTests().`an answer with another number is none`() },
        { try LifeTests().`messages may come in fragments, in any order and twice`() },
        { try ClientOfferTests().`3DES protects both phases where it is allowed`() },
    ]

    @Test(arguments: stories.indices)
    func `nobody notices that each message meets another instance`(story: Int) throws {
        try Site.$swapsAllTheTime.withValue(true) { try Self.stories[story]() }
    }

    @Test func `a successor that was asked for with perfect forward secrecy is asked for anew`() throws {
        let site = try Site()
        let peer = try site.connected {
            $0.suite = PhaseTwoSuite(
                .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: false), group: .ecp256)
        }
        var isSilent = true
        site.arrives = { isFromServer, _ in !isFromServer || !isSilent }
        site.server.rekey(peer.children[0].peerSPI, at: site.now)
        try site.drain()
        try site.swap()
        #expect(site.server.sas.values.first?.quickModes.values.filter { $0.replaced != nil }.isEmpty == true)
        #expect(site.server.children.values.first?.isBeingReplaced == false)
        isSilent = false
        try site.wait(.seconds(3590))
        #expect(peer.children.count == 2)
    }

    @Test func `one without it is answered to another instance`() throws {
        let site = try Site()
        let peer = try site.connected()
        var held: [[UInt8]] = []
        var isHeld = true
        site.arrives = { isFromServer, octets in
            if isFromServer, isHeld { held.append(octets) }
            return !isFromServer || !isHeld
        }
        site.server.rekey(peer.children[0].peerSPI, at: site.now)
        try site.drain()
        try site.swap()
        isHeld = false
        for octets in held { for answer in try peer.receive(octets) { try site.send(answer, from: peer) } }
        #expect(peer.children.count == 2 && peer.transcript.last == "<-- HASH(3)")
    }

    @Test func `who was answered by one instance proves who he is to another one`() throws {
        let site = try Site()
        let peer = site.peer()
        for octets in [peer.start()] { site.server.receive(octets, from: peer.path, at: site.now) }
        guard case .send(let answer, _)? = site.server.nextOutput() else {
            Issue.record("no answer")
            return
        }
        try site.swap()
        for octets in try peer.receive(answer) { try site.send(octets, from: peer) }
        #expect(peer.isEstablished)
    }

    // MARK: Octets

    /// SAs in several stages.
    private func records() throws -> [[UInt8]] {
        var records: [[UInt8]] = []
        func note(_ site: Site) { records += site.server.names.map { Site.record(of: $0, site.server) } }
        let half = try Site()
        let stranger = half.peer()
        stranger.preSharedKey = SecretBytes(copying: [1])
        try half.send(stranger.start(), from: stranger)
        note(half)
        let aggressive = try Site { $0.allowsAggressiveMode = true }
        let peer = aggressive.peer()
        aggressive.server.receive(try peer.startAggressively(), from: peer.path, at: aggressive.now)
        while aggressive.server.nextOutput() != nil {}
        note(aggressive)
        let site = try Site()
        _ = try site.connected()
        note(site)
        #expect(records.count == 3)
        return records
    }

    @Test func `records of all stages are whole, and each cut of them is refused`() throws {
        for record in try records() {
            _ = try Site.arrival(record)
            for length in record.indices {
                #expect(throws: WireError.self) { try Site.arrival(Array(record[..<length])) }
            }
            #expect(throws: WireError.self) { try Site.arrival(record + [0]) }
        }
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `a record with octets of its own is refused, or is an SA`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for whole in try records() {
            var record = whole
            for _ in 0..<3 {
                record[Int.random(in: record.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let arrival = try? Site.arrival(record) else { continue }
            let site = try Site()
            site.server.adopt(arrival, at: site.now)
            try site.wait(.seconds(100))
            site.server.stop(at: site.now)
            try site.drain()
        }
    }

    @Test func `the octets of an SA with a child and a quick mode`() throws {
        let suite = PhaseOneSuite(.aes128CBC, .sha1, .modp2048)
        let identity = Identification(.fqdn, Array("a".utf8))
        let path = IKEPath(
            socket: 5, remote: TransportAddress(ipv4: 0x0102_0304, port: 4500), local: nil,
            isEncapsulated: true)
        var record = SecretRecord()
        for (octet, count) in [(1, 20), (2, 20), (3, 20), (4, 16)] as [(UInt8, Int)] {
            record.append(SecretBytes(copying: [UInt8](repeating: octet, count: count)))
        }
        var secrets = try Self.secrets(record)
        let keys = try PhaseOneKeys(suite, from: &secrets)
        let scope = KeyRing.Scope(hubs: ["LAB"])
        let established = ISAKMPSA.Established(
            keys: keys, lastBlock: [UInt8](repeating: 9, count: 16), identity: identity, scope: scope)
        let sa = ISAKMPSA(
            Cookies(initiator: 1, responder: 2), suite, .natTraversal, source: path.remote.source, .lingering,
            path: path)
        sa.establish(established)
        (sa.expiresAt, sa.lastHeard) = (Instant(nanoseconds: 7), Instant(nanoseconds: 6))
        (sa.lastReceived, sa.lastSent, sa.nat) = ([0xaa], [0xbb], .peerIsBehind)
        #expect(sa.use(8, .quickMode))
        sa.probe.sequence = 3
        let site = try Site()
        site.server.enter(sa)
        sa.quickModes[8] = QuickMode(
            stage: .done, chain: CipherChain(keys, iv: [UInt8](repeating: 5, count: 16)),
            lastReceived: [0xcc],
            lastSent: [], deadline: Instant(nanoseconds: 9))
        let suiteTwo = PhaseTwoSuite(
            .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: true), group: .ecp256)
        let childKeys = [6, 7].map { SecretBytes(copying: [UInt8](repeating: $0, count: 20)) }
        let child = ChildSA(
            spi: 0x100, peerSPI: 0x200, suite: suiteTwo, inboundKeys: childKeys[0],
            outboundKeys: childKeys[1], localSelector: nil,
            remoteSelector: Identification(.ipv4Address, [1, 2, 3, 4], protocolNumber: 97),
            identity: identity, scope: KeyRing.Scope(hubs: nil), path: path, nat: .peerIsBehind,
            rekeyAt: Instant(nanoseconds: 8),
            expiresAt: Instant(nanoseconds: 9), softOctets: 10)
        site.server.children[0x100] = IKEServer.Child(sa: child, owner: sa.cookies, isActive: true)
        sa.children = [0x100]
        let hex = Site.record(of: sa.cookies, site.server).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }
        .joined()
        #expect(hex == Self.sections.joined().filter { $0 != " " })
    }

    private static let pathOctets =
        "0000000000000005 04 0000000000000000 0000000001020304 1194 00000000 00 01"
    private static let identityOctets = "00000005 0200000061"
    private static let scope = "01 00000001 00000003 4c4142 00"
    private static let sections = [
        // Cookies and suite, abilities, source, path, who the peer is.
        "0000017b 0000000000000001 0000000000000002",
        "0000000b 4145532d3132382d434243 00000004 53484131 000e 0001 01",
        "04 0000000000000000 0000000001020304 0000 00000000", pathOctets, "01", identityOctets, scope,
        // Established: the last block, by whom, by what; NAT, end, last messages, no fragments.
        "01 00000010 09090909090909090909090909090909", identityOctets, scope,
        "01 0000000000000007 00000001aa 00000001bb 0000 00 00",
        // Message ids, when it was heard, the probe; not half-open, not of aggressive mode.
        "01 20 00000001 00000008 0000000000000006 00000003 00 00 00 00 00",
        // A child: SPIs, suite, selectors, by whom, path, NAT, its times, what it may carry, active.
        "00000001 00000100 00000200 00 0000000b 4145532d3132382d47434d 00 0004 01 0013",
        "00 01 00000008 01610000 01020304", identityOctets, "0000", pathOctets,
        "01 0000000000000008 0000000000000009 000000000000000a 01 00",
        // A quick mode that is done.
        "01 00000008 02 00000010 05050505050505050505050505050505 00000001cc 00000000",
        "0000000000000009 00",
        // No certificate, six secrets.
        "00000000 00000006", (1...3).map { "00000014" + String(repeating: "0\($0)", count: 20) }.joined(),
        "00000010 04040404040404040404040404040404",
        (6...7).map { "00000014" + String(repeating: "0\($0)", count: 20) }.joined(),
    ]

    private static func secrets(_ record: SecretRecord) throws -> RecordSecrets {
        let whole = record.whole
        var reader = ByteReader(whole.rawSpan)
        _ = try reader.readCounted()
        return try RecordSecrets(parsing: &reader)
    }
}
