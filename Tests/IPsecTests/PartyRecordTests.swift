import Testing
import Wire

@testable import ESP
@testable import IKEv1
@testable import IPsecCore

/// The octets of a whole party. What an ISAKMP SA may hold beside, tunnels and calls have theirs in the tests
/// of their own records.
@Suite struct PartyRecordTests {
    private static let address = "04 000000000000000000000000c6336402"
    private static let local = "01 04 000000000000000000000000c0000201"
    private static let path = "0000000000000001 \(address) 01f4 00000000 \(local) 01f4 00000000 00"
    private static let identity = "00000010 02000000 706565722e6578616d706c65"
    /// Any hub; the first certificate.
    private static let scope = "00 01 00000000"

    private static let octets = [
        // One SA: cookies, suite, abilities, source, path.
        "00000001 0000000000000001 0000000000000002",
        "0000000b 4145532d3235362d434243 00000006 534841323536 0013 0003 0d", address, "0000 00000000", path,
        // Who the peer is; established: the last block, by whom, by what.
        "01", identity, scope, "01 00000010 09090909090909090909090909090909", identity, scope,
        // NAT, end, last messages, no fragments; message ids, when it was heard, the probe.
        "00 0000042f055db000 00000001 aa 00000001 bb 0000 00 00",
        "01 20 00000001 00000003 000000e8d4a51000 00000000 00 00 00",
        // Neither half-open nor of aggressive mode; one child: SPIs, suite, selectors, by whom, by what.
        "00 00 00000001 00000100 00000200",
        "00 0000000b 4145532d3235362d434243 01 00000006 534841323536 0002 00",
        "01 00000008 01610000c0000201 01 00000008 01610000c6336402", identity, scope, path,
        // NAT, its times, what it may carry, active, not being replaced.
        "00 000004051c87a800 0000042f055db000 0000000f33333333 01 00",
        // A quick mode that is done: the chain, last messages, until when, how often.
        "01 00000003 02 00000010 05050505050505050505050505050505 00000001 dd 00000000",
        "000000efd0c8bc00 00",
        // The child in ESP: the window with packets 1 and 2, octets, packets, newest; number and octets out.
        "01 0000000000000002 0000000000000006", String(repeating: "00", count: 31 * 8),
        "0000000000000080 0000000000000002 01 0000000000000005 0000000000000140",
        // Its path, and the addresses in tunnels.
        "0000000000000032", address, "0000 00000000", local, "0000 00000000 00 01 c0000201 c6336402",
        // One peer: its name, its SPIs, the ways of EtherIP, of L2TP over IP and UDP.
        "00000001", identity, address, "0000 00000000", scope, "00000001 00000100 01 00000100 00 00",
        // An open place by EtherIP, none by L2TPv3: no connection, no owner, its service and port; no tunnel.
        "03 00 00 00 01 06a5 00",
    ]

    private static let apart = [
        // A certificate, and the names in it.
        "00000001 00000003 010203 00000002 0405",
        // Six secrets: of phase 1, and the keys of ESP.
        "00000006",
        (1...4).map { "00000020" + String(repeating: "0\($0)", count: 32) }.joined(),
        (5...6).map { "00000040" + String(repeating: "0\($0)", count: 64) }.joined(),
    ]

    private var golden: [UInt8] {
        let octets = Self.octets(Self.octets.joined())
        var whole: [UInt8] = []
        whole.appendBigEndian(UInt32(octets.count))
        return whole + octets + Self.octets(Self.apart.joined())
    }

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = Array(hex.filter { $0 != " " })
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
        }
    }

    private func arrival(_ record: [UInt8]) throws(WireError) -> ArrivingParty {
        try ArrivingParty(parsing: record) { SplitMix64(seed: 1) }
    }

    @Test func `the octets of a party`() throws {
        let site = try Site()
        let adopted = site.server.adopt(try arrival(golden), at: site.now)
        #expect(adopted.map(\.place.kind) == [.etherIP, .l2tpv3])
        let name = Cookies(initiator: 1, responder: 2)
        #expect(site.server.names == [name])
        let child = try #require(site.server.children[0x100])
        #expect(child.agreed.peerSPI == 0x200 && child.outbound.sequenceNumber == 5)
        #expect(child.peer.places.etherIP.stage == .open)
        #expect(child.peer.name.scope.certificate?.der == [1, 2, 3])
        let party = try #require(site.server.party(of: name))
        #expect(site.server.record(of: party) == golden)
    }

    @Test func `every prefix of a party is refused`() {
        let golden = golden
        for length in golden.indices {
            #expect(throws: WireError.self) { try arrival(Array(golden[..<length])) }
        }
    }

    @Test func `a certificate that is not there is none`() throws {
        var record = golden
        let place = Self.octets((Self.octets.prefix(7) + [Self.scope]).joined()).count + 3
        #expect(record[place] == 0)
        record[place] = 1
        #expect(throws: WireError.badValue) { try arrival(record) }
    }
}
