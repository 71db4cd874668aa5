import Synchronization
import Wire

/// What the NAT thread tells the rest of the process, the lease records and its counters; and what it is
/// told, the addresses that are reserved. Owned by both.
final class Ledger: Sendable {
    typealias Persist = @Sendable (LeaseRecord) throws -> Void

    private struct State {
        var records: [IPv4Address: LeaseRecord] = [:]
        var traffic = SecureNAT.Traffic()
        var reserved: Set<IPv4Address> = []
    }

    private let state: Mutex<State>
    private let persist: Persist

    init(_ records: [LeaseRecord], persist: @escaping Persist) {
        self.persist = persist
        let byAddress = Dictionary(records.map { ($0.address, $0) }, uniquingKeysWith: { $1 })
        state = Mutex(State(records: byAddress))
    }

    var records: [LeaseRecord] {
        state.withLock { $0.records.values.sorted { $0.address.bits < $1.address.bits } }
    }

    var traffic: SecureNAT.Traffic { state.withLock { $0.traffic } }

    /// False if the record could not be kept; the client must then not be told.
    func keep(_ record: LeaseRecord) -> Bool {
        do { try persist(record) } catch { return false }
        state.withLock { $0.records[record.address] = record }
        return true
    }

    var reserved: Set<IPv4Address> {
        get { state.withLock { $0.reserved } }
        set { state.withLock { $0.reserved = newValue } }
    }

    func update(_ traffic: SecureNAT.Traffic) { state.withLock { $0.traffic = traffic } }
}
