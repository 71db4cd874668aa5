import Synchronization
public import Wire

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

    /// For every port what all lanes may want to know of it.
    private let places = ZeroedWords<Atomic<UInt64>>(count: maxPorts + 1)
    /// For every lane the number of its ports, so that a flood visits only lanes with somebody on them.
    private let population = ZeroedWords<Atomic<UInt32>>(count: 256)
    /// For every lane the number of its monitors, which are in no flood; and their sum.
    private let monitors = ZeroedWords<Atomic<UInt32>>(count: 256)
    private let allMonitors = Atomic<Int>(0)
    private let allocation = Mutex(Allocation())

    private struct Allocation {
        var neverUsed = 1
        /// Numbers of ports that are gone, but may still stand in the forwarding table.
        var resting: [UInt16] = []
        /// The one to be used next is the last.
        var free: [UInt16] = []
    }

    /// One port as other lanes see it: `| owner: 32 | unused: 23 | keeps addresses: 1 | lane plus one: 8 |`.
    private struct Place {
        var rawValue: UInt64
        init(rawValue: UInt64) { self.rawValue = rawValue }
        init(_ standing: HubPort.Standing, lane: Int) {
            rawValue =
                UInt64(standing.owner) << 32 | (standing.keepsAddresses ? 0x100 : 0) | UInt64(lane + 1)
        }
        var lane: Int? { rawValue & 0xff == 0 ? nil : Int(rawValue & 0xff) - 1 }
        var keepsAddresses: Bool { rawValue & 0x100 != 0 }
        var owner: UInt32 { UInt32(rawValue >> 32) }
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
        places.free()
        population.free()
        monitors.free()
    }

    @inline(__always)
    private func place(of port: UInt16) -> Place {
        Place(rawValue: unsafe places.start[Int(port)].load(ordering: .relaxed))
    }

    /// The lane of a port; nil when it is gone.
    @inline(__always)
    func lane(of port: UInt16) -> Int? { place(of: port).lane }

    func hasPorts(on lane: Int) -> Bool { unsafe population.start[lane].load(ordering: .relaxed) > 0 }

    /// Whether anybody is to be given copies of all frames.
    @inline(__always)
    var isMonitored: Bool { allMonitors.load(ordering: .relaxed) != 0 }

    func hasMonitors(on lane: Int) -> Bool { unsafe monitors.start[lane].load(ordering: .relaxed) > 0 }

    /// A number for a new port on `lane`; nil when all are in use.
    func addPort(_ standing: HubPort.Standing, on lane: Int, at seconds: UInt64) -> UInt16? {
        guard let port = freeNumber() ?? sweptNumber(at: seconds) else { return nil }
        unsafe places.start[Int(port)].store(Place(standing, lane: lane).rawValue, ordering: .relaxed)
        count(1, on: lane, isMonitor: standing.isMonitor)
        return port
    }

    /// What the table says of the port is ignored from now on, and swept with the rest: to walk the table for
    /// each port would stall the lane that a crowd leaves.
    func removePort(_ port: UInt16, on lane: Int, isMonitor: Bool) {
        unsafe places.start[Int(port)].store(0, ordering: .relaxed)
        count(-1, on: lane, isMonitor: isMonitor)
        allocation.withLock { $0.resting.append(port) }
    }

    private func count(_ change: Int32, on lane: Int, isMonitor: Bool) {
        let counts = unsafe isMonitor ? monitors.start : population.start
        _ = unsafe counts[lane].wrappingAdd(UInt32(bitPattern: change), ordering: .relaxed)
        if isMonitor { allMonitors.wrappingAdd(Int(change), ordering: .relaxed) }
    }

    /// Forgets silent addresses and those of ports that are gone, whose numbers may mean other ports
    /// afterwards. To be called at least every 400 seconds.
    public func sweep(at seconds: UInt64) {
        let rested = allocation.withLock { allocation in
            defer { allocation.resting = [] }
            return allocation.resting
        }
        table.sweep(at: seconds) { unsafe places.start[Int($0)].load(ordering: .relaxed) != 0 }
        // It holds the lock that lanes take, so only when there is something to forget.
        if !rested.isEmpty { addresses.sweep { lane(of: $0.port) != nil } }
        allocation.withLock { $0.free = rested.reversed() + $0.free }
    }

    private func freeNumber() -> UInt16? {
        allocation.withLock { allocation in
            if allocation.neverUsed <= Self.maxPorts {
                defer { allocation.neverUsed += 1 }
                return UInt16(allocation.neverUsed)
            }
            return allocation.free.popLast()
        }
    }

    /// A whole table's walk, for the one who needs a number when all others rest.
    private func sweptNumber(at seconds: UInt64) -> UInt16? {
        sweep(at: seconds)
        return freeNumber()
    }
}

// MARK: - Whose addresses are whose

extension Hub {
    /// Seconds for which an address that was heard of belongs to its port, if it is not kept for good.
    static let hold: UInt64 = 60

    /// Where addresses are, of every port that is there.
    public func seenAddresses(at seconds: UInt64) -> [IPv6Address: AddressBook.Entry] {
        addresses.snapshot(at: seconds).filter { lane(of: $0.value.port) != nil }
    }

    /// An address that a layer converter had kept for its client is anybody's from now on.
    public func release(_ address: IPv6Address, of port: HubPort) {
        addresses.withdraw(address, from: port.number)
    }

    /// Where every MAC address stands, with the seconds since it was last seen, in no order.
    public func seenMACs(at seconds: UInt64) -> [(mac: MACAddress, port: UInt16, age: UInt64)] {
        table.snapshot(at: seconds).filter { lane(of: $0.port) != nil }
    }

    /// Whether what was last seen at `holder`, so many seconds ago, still belongs there and must not move to
    /// `port`. A user's own ports may take from each other: a client that comes back stands at a new one.
    func isHeld(by holder: UInt16, age: UInt64, from port: UInt16) -> Bool {
        guard holder != port, holder != 0 else { return false }
        let (theirs, ours) = (place(of: holder), place(of: port))
        guard theirs.lane != nil, theirs.owner == 0 || theirs.owner != ours.owner else { return false }
        return theirs.keepsAddresses || age <= Self.hold
    }
}
