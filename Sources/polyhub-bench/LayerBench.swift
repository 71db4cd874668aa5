import LayerConverter
import Wire

/// A layer-3 client with an address from its user's record, and a neighbour whose MAC address is known.
final class LayerBench {
    private var converter: LayerConverter
    private var frame: [UInt8]
    private let now: Instant
    private static let neighbour = MACAddress(0x0200_0000_0099)

    init() {
        let (ours, theirs) = (IPv4Address("10.0.0.2")!, IPv4Address("10.0.0.3")!)
        let mac = MACAddress(0x5e00_0000_0001)
        let lease = AddressLease(fixed: IPv4Subnet(ours, prefixLength: 24)!, gateway: nil)
        converter = LayerConverter(.fixed(lease, mac: mac), seed: 1)
        var now = Instant(nanoseconds: 1_000_000_000)
        converter.start(at: now)
        while converter.lease == nil, let deadline = converter.deadline {
            now = deadline
            converter.handleTimeout(at: now)
        }
        let question = ARPPacket.request(for: ours, from: Self.neighbour, theirs).frame(to: .broadcast)
        unsafe converter.receive(question.span.bytes, at: now)
        while converter.nextOutput() != nil {}
        self.now = now
        var packet: [UInt8] = [0x45, 0, 0x05, 0x78, 0, 0, 0, 0, 64, 17, 0, 0]
        packet.appendBigEndian(ours.bits)
        packet.appendBigEndian(theirs.bits)
        frame =
            [UInt8](repeating: 0, count: 14) + packet + [UInt8](repeating: 0x5a, count: 1400 - packet.count)
    }

    func liftAndLower(_ count: Int) {
        var sent = 0
        for _ in 0..<count {
            var octets = frame.mutableSpan
            var span = unsafe octets.mutableBytes
            if converter.lift(&span, at: now) == .send { sent += 1 }
            if case .drop(.notForUs) = converter.lower(unsafe frame.span.bytes) { sent += 1 }
        }
        precondition(sent == 2 * count, "the neighbour is known, and a frame to it is not for us")
    }
}
