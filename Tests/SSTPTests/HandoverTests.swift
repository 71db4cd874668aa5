import PPP
import PPPPeer
import SSTPClient
import Testing
import Wire

@testable import SSTPCore

/// Connections that go on in another instance of the engine. That all of their state is the same there is
/// seen by `SSTPSite.swap`, each time.
@Suite struct HandoverTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    private func site(
        _ methods: [AuthenticationMethod] = [.eapMSCHAPv2, .msCHAPv2, .pap], swaps: Bool = true,
        _ change: (inout SimulatedSSTPClient.Options) -> Void = { _ in }
    ) -> SSTPSite {
        var options = SimulatedSSTPClient.Options()
        change(&options)
        let site = SSTPSite(ConnectionOptions(methods: methods, carriesIPv6: true), options)
        site.swapsAllTheTime = swaps
        return site
    }

    @Test(arguments: [AuthenticationMethod.msCHAPv2, .eapMSCHAPv2, .pap], [1, 7, Int.max])
    func `a client does not notice that each piece meets another instance`(
        method: AuthenticationMethod, piece: Int
    ) throws {
        let site = site([method]) {
            $0.peer.interfaceIdentifier = 0x1234
            $0.peer.identifies = true
            $0.peer.compresses = true
        }
        site.piece = piece
        #expect(site.run { site.isUp && site.identifiers != nil })
        #expect(site.client.heard == [2])
        #expect(site.log.isEmpty)
        #expect(
            site.wishes == [SessionWish(address: nil, mtu: 1400, software: "MSRASV5.20", hostName: "LAPTOP")])
        let six: [UInt8] = [0x60] + [UInt8](repeating: 0, count: 39)
        for sent in [packet, six] { site.client.send(packet: sent) }
        site.pump()
        #expect(site.packets == [packet, six])
        #expect(site.connection.dataHeader == [0x21] && site.connection.isIPv6Open)
        #expect(!site.run(for: 300) { site.streamIsClosed })
        #expect(site.client.heard.contains(8), "the hello timer goes on")
        site.client.peer.close(at: site.now)
        #expect(site.run { site.streamIsClosed })
        #expect(site.closed == [.client])
        #expect(site.failedSwaps == 0 && site.swaps > 20)
    }

    @Test func `a binding is verified by an instance that did not ask for it`() {
        let spoilt = site([.msCHAPv2]) { $0.spoil = { $0.nonce[0] ^= 1 } }
        #expect(spoilt.run { spoilt.streamIsClosed })
        #expect(spoilt.client.statuses == [Status.valueNotSupported.rawValue])
        #expect(spoilt.wishes.isEmpty && spoilt.failedSwaps == 0)
        let hasty = site([.msCHAPv2]) { $0.isHasty = true }
        #expect(hasty.run { hasty.streamIsClosed })
        #expect(hasty.wishes.isEmpty && hasty.failedSwaps == 0)
    }

    @Test func `a new instance demands a binding of who is on his way`() throws {
        var spoilt = SimulatedSSTPClient.Options()
        spoilt.spoil = { $0.nonce[0] ^= 1 }
        let site = SSTPSite(ConnectionOptions(methods: [.msCHAPv2], requiresBinding: false), spoilt)
        let record = try #require(site.connection.record)
        site.connection = try connection(record)
        #expect(site.run { site.streamIsClosed })
        #expect(site.wishes.isEmpty)
    }

    @Test func `who says nothing, or falls silent, is cut off in time wherever it began`() {
        for isUp in [false, true] {
            let (site, other) = (self.site(), self.site(swaps: false))
            for each in [site, other] {
                if isUp { #expect(each.run { each.isUp }) }
                while let deadline = each.connection.deadline {
                    each.now = deadline
                    each.connection.handleTimeout(at: deadline)
                    while let output = each.connection.nextOutput() {
                        if case .closeSession(let reason, _) = output { #expect(reason == .timeout) }
                    }
                    if each.swapsAllTheTime { each.swap() }
                }
            }
            #expect(site.now == other.now)
            #expect(site.failedSwaps == 0)
        }
    }

    // MARK: Octets

    /// A record of each state that a connection can be in.
    private func records() -> [Call.State: [UInt8]] {
        var records: [Call.State: [UInt8]] = [:]
        for (isMute, spoils) in [(false, false), (true, false), (false, true)] {
            let site = site(swaps: false) {
                $0.isMute = isMute
                if spoils { $0.spoil = { $0.nonce[0] ^= 1 } }
            }
            records[.connectRequestPending] = site.connection.record
            let note = { records[site.connection.call.state] = site.connection.record }
            _ = site.run(for: 20) {
                note()
                return site.isUp || site.streamIsClosed
            }
            for type in [6, 5] as [UInt16] where site.isUp {
                let connection = site.connection
                site.client.send(type)
                while let octets = site.client.nextOutput() { site.deliver(octets) }
                while site.connection.nextOutput() != nil {}
                note()
                site.connection = connection
            }
            site.connection.close("the server stops", at: site.now)
            while site.connection.nextOutput() != nil {}
            note()
        }
        return records
    }

    private func connection(_ record: [UInt8]) throws(WireError) -> Connection {
        try Connection(record, ConnectionOptions(methods: [.pap]), random: SplitMix64(seed: 4))
    }

    @Test func `records of all states are whole, and each cut of them is refused`() throws {
        let records = records()
        #expect(
            Set(Call.State.allCases).subtracting(records.keys) == [.disconnected, .abortPending],
            "an abort is answered at once")
        for record in records.values {
            for length in record.indices {
                #expect(throws: WireError.self) { try connection(Array(record[..<length])) }
            }
            #expect(throws: WireError.self) { try connection(record + [0]) }
            #expect(try connection(record).record == record)
        }
    }

    @Test func `a connection that has ended, or whose outputs wait, has no record`() {
        let site = site(swaps: false)
        site.deliver(Array(SimulatedSSTPClient.request.utf8))
        #expect(site.connection.record == nil)
        while site.connection.nextOutput() != nil {}
        #expect(site.connection.record != nil)
        site.connection.streamClosed()
        while site.connection.nextOutput() != nil {}
        #expect(site.connection.record == nil)
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `a record with octets of its own is refused, or is a connection`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for (_, whole) in records().sorted(by: { "\($0.key)" < "\($1.key)" }) {
            var record = whole
            for _ in 0..<3 {
                record[Int.random(in: record.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let taken = try? connection(record) else { continue }
            let site = site(swaps: false)
            site.connection = taken
            _ = site.run(for: 200) { site.streamIsClosed }
        }
    }

    @Test func `the octets of a connection that waits for its session`() throws {
        let site = site([.msCHAPv2], swaps: false)
        site.opensSessions = false
        #expect(site.run { !site.wishes.isEmpty })
        let record = try #require(site.connection.record)
        let link = try #require(site.connection.link.record)
        let sections = [
            "01 00000101", link.hex,
            // The call: state, what a binding is held against, timer, when something last came, and the rest.
            "02 03", [UInt8](0..<32).hex, "0000000d 61206365727469666963617465",
            "01 0000000e33e22200 000000003b9aca00",
            "00 00 00",
            // The name, no wish that waits, a session, no end; the keys.
            "00000005 616c696365 00 01 00",
            "01 ee20c5a69e74ceffd82353f4012a9b28fc170d6817e473472c982cc9984b7010 00",
        ]
        #expect(record.hex == sections.joined().filter { $0 != " " })
    }
}

extension [UInt8] {
    fileprivate var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
