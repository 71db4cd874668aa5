import Synchronization

/// A virtual Ethernet hub as all lanes share it: its name, its forwarding table, and which port lives on
/// which lane. Hubs share nothing with each other, so equal addresses in two of them never meet.
public final class Hub: @unchecked Sendable {
    /// Port 0 stands for none.
    public static let maxPorts = 65_535

    public let id: UInt32
    public let name: String
    public let table: ForwardingTable
    /// For administrators.
    public let addresses = AddressBook()

    /// For every port its lane plus one; 0 while the port is not in use.
    private let lanes = ZeroedWords<Atomic<UInt8>>(count: maxPorts + 1)
    /// For every lane the number of its ports, so that a flood visits only lanes with somebody on them.
    private let population = ZeroedWords<Atomic<UInt32>>(count: 256)
    private let allocation = Mutex(Allocation())

    private struct Allocation {
        var neverUsed = 1
        /// First in, first out: a number rests as long as possible before it means another port.
        var returned: [UInt16] = []
        var next = 0
    }

    /// - Parameters:
    ///   - id: unique in the process, never used again.
    ///   - key: random, for the forwarding table.
    public init(id: UInt32, name: String, key: UInt64, ageing: UInt64 = ForwardingTable.defaultAgeing) {
        self.id = id
        self.name = name
        table = ForwardingTable(key: key, ageing: ageing)
    }

    deinit {
        lanes.free()
        population.free()
    }

    /// The lane of a port; nil when it is gone.
    @inline(__always)
    func lane(of port: UInt16) -> Int? {
        let lane = unsafe lanes.start[Int(port)].load(ordering: .relaxed)
        return lane == 0 ? nil : Int(lane) - 1
    }

    func hasPorts(on lane: Int) -> Bool { unsafe population.start[lane].load(ordering: .relaxed) > 0 }

    /// A number for a new port on `lane`; nil when all are in use.
    func addPort(on lane: Int) -> UInt16? {
        let port = allocation.withLock { allocation -> UInt16? in
            if allocation.neverUsed <= Self.maxPorts {
                defer { allocation.neverUsed += 1 }
                return UInt16(allocation.neverUsed)
            }
            guard allocation.next < allocation.returned.count else { return nil }
            defer { allocation.next += 1 }
            return allocation.returned[allocation.next]
        }
        guard let port else { return nil }
        unsafe lanes.start[Int(port)].store(UInt8(lane + 1), ordering: .relaxed)
        _ = unsafe population.start[lane].wrappingAdd(1, ordering: .relaxed)
        return port
    }

    func removePort(_ port: UInt16, on lane: Int) {
        unsafe lanes.start[Int(port)].store(0, ordering: .relaxed)
        _ = unsafe population.start[lane].wrappingSubtract(1, ordering: .relaxed)
        table.forget(port: port)
        allocation.withLock {
            $0.returned.append(port)
            guard $0.next > 1024 else { return }
            $0.returned.removeFirst($0.next)
            $0.next = 0
        }
    }
}
