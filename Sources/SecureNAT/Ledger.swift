import Synchronization
import Wire

/// What the NAT thread tells the rest of the process: the lease records and its counters. Owned by both.
final class Ledger: Sendable {
    typealias Persist = @Sendable (LeaseRecord) throws -> Void

    private struct State {
        var records: [IPv4Address: LeaseRecord] = [:]
        var traffic = SecureNAT.Traffic()
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

    func update(_ traffic: SecureNAT.Traffic) { state.withLock { $0.traffic = traffic } }
}
