import CLinux

/// Where a datagram listener listens, and how.
public struct DatagramOptions: Sendable {
    public enum Transport: Sendable, Hashable, CustomStringConvertible {
        case udp
        /// `SOCK_RAW`: the payload begins behind the IP header. Needs CAP_NET_RAW.
        case rawIP(protocolNumber: UInt8)

        public var description: String {
            switch self {
            case .udp: "udp"
            case .rawIP(let number): "ip protocol \(number) at"
            }
        }
    }

    /// Which lane a datagram goes to.
    public enum Pinning: Sendable, Hashable {
        /// By both addresses and ports, as the kernel hashes them; and where a lane hands a flow over to
        /// another one, from then on there.
        case flow
        /// By the source address alone, for peers whose port floats.
        case source
    }

    public var endpoint: Endpoint
    public var transport: Transport
    /// Raw IP is always pinned by source: the kernel has no flow to hash.
    public var pinning: Pinning
    /// The kernel's buffers on each side; without CAP_NET_ADMIN it gives what `net.core.rmem_max` allows.
    public var bufferOctets: Int
    /// Let the kernel coalesce what arrives (GRO) and cut what leaves (GSO).
    public var coalesces: Bool

    public init(
        _ endpoint: Endpoint, transport: Transport = .udp, pinning: Pinning = .flow,
        bufferOctets: Int = 8 << 20,
        coalesces: Bool = true
    ) {
        self.endpoint = endpoint
        self.transport = transport
        self.pinning = pinning
        self.bufferOctets = bufferOctets
        self.coalesces = coalesces
    }

    func flags(isShared: Bool) -> UInt32 {
        (isShared ? CLINUX_REUSE_PORT : 0)
            | (coalesces ? 0 : CLINUX_NO_GRO | CLINUX_NO_GSO)
    }
}

extension DatagramOptions.Transport {
    var kind: UInt8 { self == .udp ? UInt8(CLINUX_UDP) : UInt8(CLINUX_RAW) }
    var protocolNumber: Int32 {
        switch self {
        case .udp: 0
        case .rawIP(let number): Int32(number)
        }
    }
}

/// The sockets of one address, one per lane. It lasts until `close`, also when it is not kept.
public final class DatagramListener: Sendable {
    /// [any] Where it listens, with the port that was chosen.
    public let local: Endpoint
    /// [any] In lane order; each belongs to its lane.
    public let sockets: [DatagramSocket]
    /// Only where flows are spread over several lanes.
    let steering: FlowSteering?

    /// Two servers would share a port without a word, because SO_REUSEPORT lets them; hence the probe.
    init(_ options: DatagramOptions, lanes: [Lane]) throws(SocketError) {
        let isUDP = options.transport == .udp
        var address = options.endpoint.address
        if isUDP {
            try SocketError.check(
                unsafe clinux_probe(&address, 0), "listen on \(options.transport) \(options.endpoint)")
        }
        let isShared = isUDP && lanes.count > 1
        let first = try DatagramSocket(options, local: options.endpoint, on: lanes[0], isShared: isShared)
        var opened = [first]
        for lane in lanes.dropFirst() {
            opened.append(try DatagramSocket(options, local: first.local, on: lane, isShared: isShared))
        }
        local = first.local
        sockets = opened
        let spreads = isShared && options.pinning == .flow
        steering = spreads ? FlowSteering(opened) : nil
        try pin(options)
    }

    /// [any] Closes every socket on its lane.
    public func close() {
        for socket in sockets { socket.lane.post { _ in socket.close() } }
    }

    private func pin(_ options: DatagramOptions) throws(SocketError) {
        let count = UInt32(sockets.count)
        let family = options.endpoint.address.family
        guard count > 1 else { return }
        if options.transport != .udp {
            // Every raw socket gets a copy of every packet.
            for (index, socket) in sockets.enumerated() {
                let result = clinux_filter_by_source(socket.descriptor, family, count, UInt32(index))
                try SocketError.check(result, "filter \(local) by source")
            }
        } else if options.pinning == .source {
            let result = clinux_pin_by_source(sockets[0].descriptor, family, count)
            try SocketError.check(result, "pin \(local) by source")
        }
    }
}
