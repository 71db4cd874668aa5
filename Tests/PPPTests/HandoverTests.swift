import PPPPeer
import Testing
import Wire

@testable import PPP

/// Links that go on in another instance. That all of their state is the same there is seen by
/// `PeerNetworkSite.swap`, each time.
@Suite struct HandoverTests {
    private static let full = Link.Configuration(
        mru: 1400, methods: [.eapMSCHAPv2, .msCHAPv2, .chapMD5, .pap], serverName: Array("polyhub".utf8),
        echoInterval: .seconds(20), carriesIPv6: true)

    private func site(
        _ configuration: Link.Configuration = full, wire: PeerNetworkSite.Wire = .init(), seed: UInt64 = 1,
        swaps: Bool = true,
        change: (inout SimulatedPeer.Options) -> Void = { _ in }
    ) -> PeerNetworkSite {
        var options = SimulatedPeer.Options()
        change(&options)
        let site = PeerNetworkSite(configuration, options, wire: wire, seed: seed)
        site.swapsAllTheTime = swaps
        return site
    }

    private static let peers: [@Sendable (inout SimulatedPeer.Options) -> Void] = [
        { _ in },
        { $0.accepts = [.msCHAPv2] },
        { $0.accepts = [.pap] },
        { $0.accepts = [] },
        { $0.password = "wrong" },
        {
            $0.accepts = [.msCHAPv2]
            $0.password = "wrong"
            $0.secondPassword = "secret"
        },
        {
            $0.interfaceIdentifier = 0x0123_4567_89ab_cdef
            $0.identifies = true
            $0.compresses = true
            $0.asksForMore = true
        },
        {
            $0.wishes = [3: 0x0a00_0009, 130: 0]
            $0.isStubborn = true
        },
    ]

    /// From the first frame to the goodbye.
    private func tell(_ site: PeerNetworkSite) -> [String] {
        site.start()
        if site.run(until: { site.peer.isUp && site.link.isNetworkUp || site.end != nil }) {
            _ = site.run(for: 30) { site.end != nil }
            site.peer.close(at: site.now)
        }
        _ = site.run(for: 600) { site.end != nil && site.peer.hasEnded }
        return site.transcript
    }

    @Test(arguments: peers.indices)
    func `a peer does not notice that each frame meets another instance`(peer: Int) {
        let site = site(change: Self.peers[peer])
        let spoken = tell(site)
        #expect(site.failedSwaps == 0 && site.swaps > 4)
        #expect(spoken == tell(self.site(swaps: false, change: Self.peers[peer])))
    }

    @Test(arguments: [AuthenticationMethod.eapMSCHAPv2, .msCHAPv2, .pap])
    func `whatever the method is, it ends as it began`(method: AuthenticationMethod) {
        let configuration = Link.Configuration(methods: [method], serverName: Array("polyhub".utf8))
        let site = site(configuration)
        site.start()
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        #expect(site.peer.serverIsProved == (method != .pap))
        #expect(site.failedSwaps == 0)
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `links come up over a bad wire while instances change`(seed: UInt64) {
        let wire = PeerNetworkSite.Wire(loss: 0.2, duplication: 0.2, milliseconds: 1...200)
        let changes = Self.peers[Int(seed) % Self.peers.count]
        let site = site(wire: wire, seed: seed, change: changes)
        let spoken = tell(site)
        #expect(site.failedSwaps == 0)
        let other = self.site(wire: wire, seed: seed, swaps: false, change: changes)
        // Octets by chance are another instance's own, and change no word.
        #expect(spoken == tell(other))
        #expect(site.now == other.now)
    }

    @Test func `a peer that falls silent is found by the echo of another instance`() {
        let site = site(swaps: false)
        site.start()
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        let silent = PeerNetworkSite(Self.full, wire: .init(loss: 1))
        silent.link = site.link
        silent.swapsAllTheTime = true
        #expect(silent.run { silent.end != nil })
        #expect(silent.end?.sentence == "the peer does not answer echo requests")
        #expect(silent.failedSwaps == 0)
    }

    // MARK: Octets

    /// Each kind of state that a link can be in, with its record.
    private func records() throws -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        for change in Self.peers {
            let site = site(swaps: false, change: change)
            records["dead"] = site.link.record
            site.start()
            _ = site.run(for: 200) {
                let stage = site.link.authenticator.map { "\($0.stage)" } ?? ""
                records["\(site.link.phase) \(site.link.lcp.automaton.state) \(stage)"] = site.link.record
                return site.end != nil
            }
        }
        return records
    }

    @Test func `records of links in all phases are whole, and each cut of them is refused`() throws {
        let records = try records()
        for phase in ["dead", "establish", "authenticate", "network", "ended"] {
            #expect(records.keys.contains { $0.hasPrefix(phase) }, "\(records.keys)")
        }
        for stage in ["identity", "challenge", "retry", "asking", "confirming", "done"] {
            #expect(records.keys.contains { $0.contains(stage) }, "\(records.keys)")
        }
        for record in records.values {
            for length in record.indices {
                #expect(throws: WireError.self) { try link(Array(record[..<length])) }
            }
            #expect(throws: WireError.self) { try link(record + [0]) }
            #expect(try link(record).record == record)
        }
    }

    private func link(_ record: [UInt8]) throws(WireError) -> Link {
        try Link(record, random: SplitMix64(seed: 1))
    }

    @Test func `a record of another version is refused`() throws {
        var record = try #require(site().link.record)
        record[0] += 1
        #expect(throws: WireError.badValue) { try link(record) }
    }

    @Test func `a link whose outputs wait has no record`() {
        var link = Link(Self.full, random: SplitMix64(seed: 1))
        link.start(at: Instant(nanoseconds: 1))
        #expect(link.record == nil)
        while link.nextOutput() != nil {}
        #expect(link.record != nil)
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `a record with octets of its own is refused, or is a link`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for (_, whole) in try records().sorted(by: { $0.key < $1.key }) {
            var record = whole
            for _ in 0..<3 {
                record[Int.random(in: record.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let taken = try? link(record) else { continue }
            let site = site(swaps: false)
            site.link = taken
            site.peer.start(at: site.now)
            _ = site.run(for: 100) { site.end != nil }
            _ = site.link.dataHeader
        }
    }

    @Test func `the octets of an open link`() throws {
        let configuration = Link.Configuration(
            methods: [.msCHAPv2, .pap], serverName: [0x70], carriesIPv6: true)
        let site = site(configuration, swaps: false) {
            $0.interfaceIdentifier = 0x0123_4567_89ab_cdef
            $0.identifies = true
        }
        site.start()
        #expect(site.run { site.identifiers != nil })
        let record = try #require(site.link.record)
        let methods = "00000002 00000008 6d73636861707632 00000003 706170"
        let sections = [
            "02 05dc", methods, "00000001 70 00 01 03",
            // LCP: options, then the protocol.
            "05dc 89025cc1", methods, "00 05dc 12345678 00 00 00000000",
            "09 00 00 0a0000 0101 0000000b 0305c22381 050689025cc1 01 01 0101000a 050612345678",
            // The authenticator, with its last word.
            "01 00000008 6d73636861707632 00000001 70 07 00 67",
            "00000010 5e0bb980a575a89661fec08aa83b63f1 02 01 00 01 03670038",
            "533d38374639324138333543443838363932303330344533413439444639323944313332363237363331",
            "204d3d77656c636f6d65 00",
            // IPCP.
            "01 0a000007 0a000001 00000002 0a000002 0a000003 00000000 00 01",
            "09 00 00 0a0000 0101 00000006 03060a000001 01",
            "01 01020016 03060a000007 81060a000002 83060a000003",
            // IPV6CP.
            "01 ae84379630af89ef e263183773ef650a 01 0123456789abcdef 01 00",
            "09 00 00 0a0000 0101 0000000a 010aae84379630af89ef 01 01 0101000e 010a0123456789abcdef",
            // The link: what was told, who the peer is, echo, timers and counters.
            "01 01 0000000a 4d5352415356352e3230 01 00000006 4c4150544f50 00 00 00 00 01 00 00",
        ]
        let hex = record.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == sections.joined().filter { $0 != " " })
    }
}
