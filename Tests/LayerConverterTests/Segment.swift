import LayerConverter
import Wire

/// One client's converter on the segment, and what it told its owner.
final class Station {
    var converter: LayerConverter
    var outputs: [LayerConverter.Output] = []

    init(_ addressing: LayerConverter.Addressing, timing: AddressTiming = AddressTiming(), seed: UInt64) {
        converter = LayerConverter(addressing, timing: timing, seed: seed)
    }

    var lease: AddressLease? { converter.lease }
}

/// A simulated hub with DHCP servers, routers, hosts that answer ARP, and layer-3 clients: frames get lost,
/// late and doubled as the seed wills, on a clock that only the test moves.
final class Segment {
    var now = Instant.at(0)
    var loss = 0.0
    var duplication = 0.0
    var maxDelay: Duration = .milliseconds(5)
    var servers: [SimulatedDHCPServer] = []
    var stations: [Station] = []
    /// What speaks IPv6.
    var nodes: [SimulatedNode] = []
    /// Other hosts.
    var hosts: [IPv4Address: MACAddress] = [:]
    private(set) var frames: [[UInt8]] = []
    private var random: Seeded
    private var flying: [(arrival: Instant, frame: [UInt8])] = []

    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
        }
    }

    init(seed: UInt64) { random = Seeded(state: seed) }

    func start(
        _ station: Station, ipv6IsExpected: Bool? = nil, ipv6 manner: LayerConverter.IPv6Manner = .told
    ) {
        stations.append(station)
        if let ipv6IsExpected { station.converter.startIPv6(manner, isExpected: ipv6IsExpected, at: now) }
        station.converter.start(at: now)
        drain(station)
    }

    func close(_ station: Station) {
        station.converter.close(at: now)
        drain(station)
    }

    /// A client's packet on its way; what is sent at once flies.
    func lift(_ packet: [UInt8], from station: Station) -> LayerConverter.Lift {
        var frame = [UInt8](repeating: 0, count: LayerConverter.headroom) + packet
        let verdict = Segment.lift(&frame, &station.converter, at: now)
        if verdict == .send { send(frame) }
        drain(station)
        return verdict
    }

    static func lift(
        _ frame: inout [UInt8], _ converter: inout LayerConverter, at now: Instant
    ) -> LayerConverter.Lift {
        var octets = frame.mutableSpan
        var bytes = octets.mutableBytes
        return converter.lift(&bytes, at: now)
    }

    func run(for duration: Duration) {
        let end = now + duration
        while let next = nextEvent(), next <= end {
            now = max(now, next)
            let due = flying.filter { $0.arrival <= now }
            flying.removeAll { $0.arrival <= now }
            for flight in due { deliver(flight.frame) }
            for station in stations {
                guard let deadline = station.converter.deadline, deadline <= now else { continue }
                station.converter.handleTimeout(at: now)
                drain(station)
            }
        }
        now = end
    }

    private func nextEvent() -> Instant? {
        (flying.map(\.arrival) + stations.compactMap { $0.converter.deadline }).min()
    }

    private func deliver(_ frame: [UInt8]) {
        for server in servers { server.receive(frame).forEach(send) }
        answerARP(frame)
        for node in nodes { node.receive(frame, at: now).forEach(send) }
        for station in stations where station.converter.lower(frame.rawSpan) == .consume {
            station.converter.receive(frame.rawSpan, at: now)
            drain(station)
        }
    }

    private func answerARP(_ bytes: [UInt8]) {
        guard let frame = EthernetFrame(bytes.rawSpan), frame.etherType == .arp else { return }
        var reader = ByteReader(frame.payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.operation == .request,
            let mac = hosts[packet.targetAddress], mac != packet.senderMAC
        else { return }
        send(packet.reply(from: mac).frame(to: packet.senderMAC))
    }

    func drain(_ station: Station) {
        while let output = station.converter.nextOutput() {
            if case .sendFrame(let frame) = output { send(frame) } else { station.outputs.append(output) }
        }
    }

    func send(_ frame: [UInt8]) {
        frames.append(frame)
        for _ in 0..<(chance(duplication) ? 2 : 1) where !chance(loss) {
            let delay = maxDelay * Int.random(in: 1...64, using: &random) / 64
            flying.append((now + delay, frame))
        }
    }

    private func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &random) < probability
    }
}

func stationMAC(_ number: Int) -> MACAddress { MACAddress(0x5e00_0000_0100 + UInt64(number)) }

/// An IPv4 packet with `payload` as if it were UDP.
func packet(from source: IPv4Address, to destination: IPv4Address, _ payload: [UInt8] = [1, 2, 3]) -> [UInt8]
{
    var bytes: [UInt8] = []
    IPv4Header(from: source, to: destination, carrying: .udp, length: payload.count).serialize(into: &bytes)
    return bytes + payload
}
