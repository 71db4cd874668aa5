public import Hub
import LayerConverter
import Synchronization
import Wire

/// The hubs of the server as sessions find them: by name, with the MAC addresses that each lends.
public final class SessionHubs: Sendable {
    /// Enough identities for any hub, and little memory for a small one.
    private struct Entry {
        let hub: Hub
        var pool: MACPool
        /// When a router of the hub was last heard of.
        var ipv6SeenAt: Instant?
    }

    private struct Who: Hashable {
        let user: NameKey
        let hub: NameKey
        init(_ user: String, _ hub: String) { (self.user, self.hub) = (NameKey(user), NameKey(hub)) }
    }

    private struct State {
        var entries: [NameKey: Entry] = [:]
        var lastID: UInt32 = 0
        var sessions: [Who: Int] = [:]
    }

    private let state = Mutex(State())
    private let seed: UInt64

    /// - Parameter seed: the server's own, the same at each start, so that a client gets its former MAC
    ///   address.
    public init(seed: UInt64) { self.seed = seed }

    /// Makes a hub, or finds the one of that name.
    @discardableResult
    public func add(_ name: String) -> Hub {
        var generator = SystemRandomNumberGenerator()
        let key = generator.next()
        return state.withLock { state in
            if let known = state.entries[NameKey(name)] { return known.hub }
            state.lastID += 1
            let hub = Hub(id: state.lastID, name: name, key: key)
            state.entries[NameKey(name)] = Entry(hub: hub, pool: MACPool(seed: seed))
            return hub
        }
    }

    /// Forgets a hub. Ports that are still attached keep it alive.
    public func remove(_ name: String) { state.withLock { $0.entries[NameKey(name)] = nil } }

    public subscript(name: String) -> Hub? { state.withLock { $0.entries[NameKey(name)]?.hub } }

    public var all: [Hub] { state.withLock { $0.entries.values.map(\.hub) } }

    /// A MAC address that nobody else on the hub has; nil when there is none left, or no such hub.
    func lendMAC(on hub: String, to identity: String) -> MACAddress? {
        state.withLock { $0.entries[NameKey(hub)]?.pool.lend(to: identity) }
    }

    /// For how long a router that was heard of is expected to answer the next session, too.
    private static let ipv6Memory: Duration = .seconds(1800)

    /// Whether a session that opens may count on routers on the hub.
    func expectsIPv6(on hub: String, at now: Instant) -> Bool {
        state.withLock { state in
            state.entries[NameKey(hub)]?.ipv6SeenAt.map { $0.duration(to: now) < Self.ipv6Memory } ?? false
        }
    }

    /// `now`: a router was heard of; nil: a session has waited for one in vain.
    func noteIPv6(on hub: String, at now: Instant?) {
        state.withLock { $0.entries[NameKey(hub)]?.ipv6SeenAt = now }
    }

    /// Counts one more session of a user; false, and nothing is counted, if there are `limit` already.
    func enter(_ user: String, on hub: String, atMost limit: Int) -> Bool {
        state.withLock { state in
            let who = Who(user, hub)
            guard state.sessions[who, default: 0] < limit else { return false }
            state.sessions[who, default: 0] += 1
            return true
        }
    }

    func leave(_ user: String, on hub: String) {
        state.withLock { state in
            let who = Who(user, hub)
            let rest = state.sessions[who, default: 1] - 1
            state.sessions[who] = rest > 0 ? rest : nil
        }
    }

    func takeBack(_ mac: MACAddress, on hub: String) {
        state.withLock { $0.entries[NameKey(hub)]?.pool.takeBack(mac) }
    }
}
