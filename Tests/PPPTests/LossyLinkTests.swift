import PPPPeer
import Testing

@testable import PPP

/// A server and a peer over a wire that loses a tenth of the frames, doubles as many, and lets them overtake
/// each other.
@Suite struct LossyLinkTests {
    @Test(arguments: [AuthenticationMethod.msCHAPv2, .eapMSCHAPv2, .pap])
    func `both ends agree in the end, or both know that they do not`(method: AuthenticationMethod) {
        var joined = 0
        for seed in 1...150 {
            let site = PeerNetworkSite(
                .init(methods: [method], serverName: []),
                wire: .init(loss: 0.1, duplication: 0.1, milliseconds: 0...200), seed: UInt64(seed))
            site.start()
            site.run(for: 200) { site.end != nil || site.peer.isUp && site.link.isNetworkUp }
            let isJoined = site.peer.isUp && site.link.isNetworkUp
            joined += isJoined ? 1 : 0
            #expect(isJoined || site.end != nil, "seed \(seed) hangs: \(site.transcript.suffix(6))")
            if isJoined { #expect(site.peer.address == site.network.address, "seed \(seed)") }
        }
        #expect(joined >= 145)
    }

    @Test func `what is agreed stays agreed while stragglers arrive`() {
        for seed in 1...60 {
            let site = PeerNetworkSite(
                .init(methods: [.msCHAPv2], serverName: []),
                wire: .init(duplication: 0.5, milliseconds: 0...2500), seed: UInt64(seed))
            site.start()
            site.run { site.end != nil || site.peer.isUp && site.link.isNetworkUp }
            site.run(for: 30) { site.end != nil }
            #expect(site.end == nil, "seed \(seed): \(site.transcript.suffix(6))")
            #expect(site.peer.isUp && site.link.isNetworkUp, "seed \(seed): \(site.transcript.suffix(6))")
        }
    }
}
