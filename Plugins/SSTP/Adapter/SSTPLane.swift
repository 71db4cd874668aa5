import EngineParts
import PPP
import PluginKit
import SSTPCore
import Wire

/// The connections of one lane. The handle of its stream is the token of everything that a connection has.
final class SSTPLane: LaneAdapter {
    let module: SSTPModule
    let services: LaneServices
    let index: Int
    private let maxClients: Int
    private let counters: LaneCounters<Counter>
    var clients: [UInt64: Client] = [:]
    /// Clients without a session, by their streams: 1,024 of a lane, 128 of them from one source. A client
    /// behind the NAT of a large site has neighbours.
    var halfOpen = HalfOpenTable<UInt64>(capacity: 1024, perSource: 128)
    /// The sums of the counters were offered to the instance that takes over.
    var isExporting = false
    /// Packets for the hub, gathered while a stream's octets are worked through.
    private var frames = FrameQueue()

    init(_ module: SSTPModule, _ services: LaneServices, index: Int, maxClients: Int) {
        self.module = module
        self.services = services
        self.index = index
        self.maxClients = maxClients
        counters = LaneCounters(module.counters, services)
    }

    var remainingConnections: Int { clients.count }

    func count(_ counter: Counter, by amount: Int = 1) { counters.add(amount, to: counter) }

    // MARK: Streams

    func claim(_ first: RawSpan) -> Claim {
        switch HTTPOpening.isOpening(first) {
        case true?: .yes
        case false?: .no
        case nil: .more
        }
    }

    func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64 {
        guard clients.count < maxClients, let facts = try? services.facts(of: stream), facts.isTLS,
            let nonce = try? module.host.random(32), let options = module.options,
            makeRoom(for: TransportAddress(facts.remote).source)
        else {
            services.close(stream, .reset)
            return stream.rawValue
        }
        let connection = Connection(
            options, nonce: nonce, certificate: facts.presentedCertificate,
            random: SystemRandomNumberGenerator(), at: services.now)
        let client = Client(
            stream, from: facts.remote, cipher: facts.tlsCipher ?? facts.tlsVersion ?? "TLS", connection)
        insert(client, halfOpenSince: services.now)
        settle(client)
        return stream.rawValue
    }

    /// `halfOpenSince`: nil for a client with a session.
    func insert(_ client: Client, halfOpenSince: Instant?) {
        clients[client.stream.rawValue] = client
        count(.connections)
        guard let halfOpenSince else { return }
        halfOpen.insert(
            .init(
                connection: client.stream.rawValue, source: TransportAddress(client.remote).source,
                isUnproved: false, beganAt: halfOpenSince))
    }

    /// A place among the clients without a session, if need be another one's.
    private func makeRoom(for source: TransportAddress) -> Bool {
        switch halfOpen.admission(of: source, isUnproved: false, at: services.now) {
        case .free: return true
        case .refused:
            count(.crowded)
            return false
        case .inPlaceOf(let token):
            guard let former = clients[token] else { return false }
            count(.crowded)
            former.connection.streamClosed()
            closeStream(former, .reset)
            return true
        }
    }

    func received(_ octets: PacketSlice, onStream token: UInt64) -> Int {
        guard let client = clients[token] else { return octets.count }
        let now = services.now
        var taken = 0
        defer { flush(client) }
        while taken < octets.count {
            switch client.connection.receive(octets.bytes.extracting(droppingFirst: taken), at: now) {
            case .incomplete: return taken
            case .payload(let offset, let length):
                // The headers in front are the packet's own; behind it stands the next one.
                if let packet = octets.carved(taken + offset..<taken + length, headroom: offset) {
                    gather(packet, client)
                }
                taken += length
            case .taken(let count):
                taken += count
                flush(client)
                settle(client)
                // What this packet caused may be the end of the stream, before the next one is looked at.
                guard clients[token] != nil else { return octets.count }
            }
        }
        return taken
    }

    func writable(stream token: UInt64, queued: Int) {
        if let client = clients[token] { writeBacklog(of: client) }
    }

    func closed(stream token: UInt64, _ ending: StreamEnding) {
        guard let client = clients[token] else { return }
        client.connection.streamClosed()
        settle(client)
        forget(client)
    }

    func expired(timer token: UInt64) {
        guard let client = clients[token] else { return }
        client.alarm.rang()
        client.connection.handleTimeout(at: services.now)
        settle(client)
    }

    func close() {
        for client in Array(clients.values) {
            client.connection.close("the server stops", at: services.now)
            settle(client)
        }
    }

    @inline(__always)
    private func gather(_ packet: PacketSlice, _ client: Client) {
        if frames.isFull { flush(client) }
        frames.append(packet)
    }

    private func flush(_ client: Client) {
        guard frames.count > 0 else { return }
        guard let session = client.session else { return frames.removeAll() }
        services.receive(&frames, from: session)
    }

    // MARK: From the hub

    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {
        guard let client = clients[token], client.connection.isOpen else { return }
        guard client.backlog.isEmpty else { return count(.fullStreamDrops, by: frames.count) }
        let header = client.connection.dataHeader
        let length = SSTPHeader.length + header.count
        let hasIPv6 = client.connection.isIPv6Open
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard frame.count > 0 else { continue }
            let first = frame.bytes.bigEndian(at: 0, as: UInt8.self)
            guard frame.count + length <= Connection.maxPacket, hasIPv6 || !PPPHeader.isIPv6(first),
                frame.growFront(length)
            else { continue }
            let word = SSTPHeader.word(isControl: false, length: frame.count)
            var octets = frame.mutableBytes
            octets.storeBytes(of: word.bigEndian, as: UInt32.self)
            for position in header.indices {
                octets.storeBytes(
                    of: header[position], toByteOffset: SSTPHeader.length + position, as: UInt8.self)
            }
            octets.storeBytes(
                of: PPPHeader.lastOctet(before: first), toByteOffset: length - 1, as: UInt8.self)
            frames[kept] = frame
            kept += 1
        }
        frames.shorten(to: kept)
        guard kept > 0 else { return }
        // IP may be lost: a client that is too slow for its packets does without them.
        if services.write(frames, to: client.stream).status == .limit { count(.fullStreamDrops, by: kept) }
    }
}
