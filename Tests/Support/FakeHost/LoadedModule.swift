import PluginABI

/// A module as a host holds it, with one lane.
final class LoadedModule {
    let host: FakeHost
    let table: UnsafePointer<pa_module_v1>
    private(set) var laneState: UnsafeMutableRawPointer?

    enum Refusal: Error, Equatable { case create(pa_status) }

    init(_ descriptor: UnsafePointer<pa_descriptor_v1>, in host: FakeHost) throws {
        self.host = host
        var table: UnsafePointer<pa_module_v1>?
        let status = descriptor.pointee.create(host.table, &table)
        guard status == PA_OK, let table else { throw Refusal.create(status) }
        self.table = table
    }

    func start() -> pa_status { table.pointee.start(table.pointee.state) }

    func enterLane(_ index: UInt32 = 0, of count: UInt32 = 1) -> pa_status {
        table.pointee.enter_lane(table.pointee.state, host.lane, index, count, &laneState)
    }

    func capability<T>(_ id: String, _: T.Type = T.self) -> T? {
        table.pointee.capability(table.pointee.state, id)?.load(as: T.self)
    }

    func end() {
        if let laneState {
            table.pointee.close_lane(laneState)
            table.pointee.leave_lane(laneState)
        }
        table.pointee.stop(table.pointee.state)
        table.pointee.destroy(table.pointee.state)
    }
}
