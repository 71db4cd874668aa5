import CLinux

/// Takes the flows of peers to the lanes that know them, in the kernel: for the sockets of one listener,
/// whose flows it would spread by a hash. Where it cannot (another system, no CAP_BPF) there is none, and
/// then datagrams cross from lane to lane.
///
/// Bounds: 16,384 peers; those that sent least lately are forgotten.
final class FlowSteering: Sendable {
    private let tables: clinux_steering

    /// Nil: the kernel does not give it.
    init?(_ sockets: [DatagramSocket]) {
        var tables = clinux_steering()
        let descriptors = sockets.map(\.descriptor)
        guard unsafe clinux_steering_open(&tables, descriptors, UInt32(descriptors.count)) == 0 else {
            return nil
        }
        self.tables = tables
    }

    deinit {
        var tables = tables
        unsafe clinux_steering_close(&tables)
    }

    /// [any] What the peer sends arrives at the socket with this index from now on. False: the kernel has no
    /// room.
    func take(_ peer: Endpoint, to index: Int) -> Bool {
        var tables = tables
        var address = peer.address
        return unsafe clinux_steer(&tables, &address, UInt32(index)) == 0
    }
}

/// What one lane has handed over of the flows that arrive at a socket, peer by peer: who sends so much that
/// it is worth the kernel's while is steered. Strangers whose addresses are made up do not come so far.
///
/// Bounds: 1,024 peers; when there are more, counting begins anew.
struct HandedOverFlows {
    /// A peer is steered with its datagram of this number.
    static let enough = 8
    /// And again after so many, because the kernel may have forgotten it.
    static let again = 1024
    private static let most = 1024

    private var counts: [Endpoint: Int] = [:]

    /// Whether the peer is to be steered now.
    mutating func count(_ peer: Endpoint) -> Bool {
        if counts.count >= Self.most, counts[peer] == nil { counts.removeAll(keepingCapacity: true) }
        let count = counts[peer, default: 0]
        counts[peer] = count + 1
        return count % Self.again == Self.enough - 1
    }
}
