package import PluginABI

/// A module as a host holds it, with one lane.
package final class LoadedModule {
    package let host: FakeHost
    package let table: UnsafePointer<pa_module_v1>
    package private(set) var laneState: UnsafeMutableRawPointer?

    package enum Refusal: Error, Equatable {
        case create(pa_status)
        case status(pa_status)
        case lacks(String)
    }

    package init(_ descriptor: UnsafePointer<pa_descriptor_v1>, in host: FakeHost) throws {
        self.host = host
        var table: UnsafePointer<pa_module_v1>?
        let status = descriptor.pointee.create(host.table, &table)
        guard status == PA_OK, let table else { throw Refusal.create(status) }
        self.table = table
    }

    package func start() -> pa_status { table.pointee.start(table.pointee.state) }

    /// How the start of a module with these options ends, its fallbacks filled in, and what it said then.
    package static func start(
        _ descriptor: UnsafePointer<pa_descriptor_v1>, with options: [String: FakeHost.FakeOption]
    ) throws -> (status: pa_status, explained: [String]) {
        let host = FakeHost()
        host.options = options
        let module = try LoadedModule(descriptor, in: host)
        host.takeDefaults(of: try module.table(PA_OPTION))
        return (module.start(), host.explained)
    }

    package func enterLane(_ index: UInt32 = 0, of count: UInt32 = 1) -> pa_status {
        table.pointee.enter_lane(table.pointee.state, host.lane, index, count, &laneState)
    }

    package func check(_ status: pa_status) throws {
        if status != PA_OK { throw Refusal.status(status) }
    }

    package func table<T>(_ id: String, _: T.Type = T.self) throws -> T {
        guard let table = capability(id, T.self) else { throw Refusal.lacks(id) }
        return table
    }

    package func capability<T>(_ id: String, _: T.Type = T.self) -> T? {
        table.pointee.capability(table.pointee.state, id)?.load(as: T.self)
    }

    package func end() {
        if let laneState {
            table.pointee.close_lane(laneState)
            table.pointee.leave_lane(laneState)
        }
        table.pointee.stop(table.pointee.state)
        table.pointee.destroy(table.pointee.state)
    }
}
