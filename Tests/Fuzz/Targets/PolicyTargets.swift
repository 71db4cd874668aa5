import Hub
import PluginABI
import Policy
import Wire

extension FuzzTarget {
    static let policyTargets = [
        FuzzTarget("policy-claim", claim), FuzzTarget("policy-text", policyText),
        FuzzTarget("port-guard") { bytes in GuardRun(bytes).perform() },
    ]

    /// What a frame claims it claims behind a tag too.
    private static func claim(_ bytes: [UInt8]) {
        let claim = FrameClaim(bytes.rawSpan)
        guard bytes.count >= 14 else { return precondition(claim == .nothing) }
        let wrapped = Array(bytes[..<12]) + [0x81, 0, 0, 0] + bytes[12...]
        let again = FrameClaim(wrapped.rawSpan)
        precondition(again == claim || again == .unreadable, "a tag hides \(claim)")
    }

    private static func policyText(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let settings = try? PolicySettings(text: text) else { return }
        precondition((try? PolicySettings(text: settings.text)) == settings, "a policy is not what it says")
        _ = Policy([settings])
    }
}

/// A LAN and a client at a hub, each of whom sends what it likes.
private final class GuardRun: PortSink {
    /// There is one lane.
    private final class NoOtherLane: LaneCrossing {
        func cross(to lane: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool { false }
    }

    private static let policy = try? PolicySettings(text: "macs=3 addresses=4")

    private var script: FuzzScript
    private let lane = LaneSwitch(lane: 0, of: 1, crossing: NoOtherLane())
    private let hub = Hub(id: 1, name: "FUZZ", key: 42)
    private var isFromClient = false

    init(_ bytes: [UInt8]) {
        script = FuzzScript(bytes)
    }

    /// What reached the other side was judged, by whatever way.
    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        guard isFromClient else { return }
        for slice in batch {
            let frame = RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
            switch FrameClaim(frame) {
            case .dhcpServer, .router, .unreadable: preconditionFailure("it should have been denied")
            case .nothing, .source: break
            case .address(_, let mac):
                precondition(EthernetFrame(frame)?.source == mac, "a forged sender")
            }
        }
    }

    func perform() {
        let standing = HubPort.Standing.client(Policy([Self.policy].compactMap { $0 }), owner: 1)
        guard let client = lane.attach(to: hub, needs: .init(), as: standing, sink: self),
            let lan = lane.attach(to: hub, needs: .init(), as: .bridge, sink: self)
        else { return }
        var (turn, now, sweepAt) = (UInt64(0), UInt64(1_000_000_000), UInt64(0))
        while let step = script.step() {
            var frame = step & 2 == 0 ? script.arp() : script.octets()
            isFromClient = step & 1 == 0
            now += UInt64(step >> 2) * 500_000_000
            turn += 1
            if now >= sweepAt {
                hub.sweep(at: now / 1_000_000_000)
                sweepAt = now + 200_000_000_000
            }
            lane.beginTurn(turn, at: now)
            frame.withUnsafeMutableBufferPointer { buffer in
                let slice = pa_slice_v1(
                    start: buffer.baseAddress, length: UInt32(buffer.count), headroom: 0, tailroom: 0)
                lane.receive(slice, from: isFromClient ? client : lan)
                lane.flush()
            }
        }
        let macs = hub.seenMACs(at: now / 1_000_000_000).count { $0.port == client.number }
        precondition(macs <= 3, "the limit of MAC addresses does not hold")
        lane.detach(client)
        lane.detach(lan)
    }
}
