import Foundation
import PluginABI

/// `pa.handover/1` of a checked module: what it offers is well formed and offered once, and it owns what it
/// took.
enum CheckedHandover {
    static var functions: pa_handover_module_v1 {
        unsafe pa_handover_module_v1(
            size: UInt32(MemoryLayout<pa_handover_module_v1>.size), newest: 0, oldest: 0, reserved: 0,
            export_lane: { state, sink, context in
                let lane = unsafe CheckedLane.of(state)
                let offers = unsafe Offers(lane, sink, context)
                return lane.call("pa.handover/1.export_lane") {
                    unsafe lane.module.tables.handover?.pointee.export_lane(
                        lane.inner, Offers.sink, Unmanaged.passUnretained(offers).toOpaque()) ?? PA_OK
                }
            },
            import: { state, record in
                let lane = unsafe CheckedLane.of(state)
                guard let record = unsafe record else { return PA_ERROR_ARGUMENT }
                let connection = unsafe record.pointee.connection
                if lane.module.handoverTrial == .cuts, connection != 0 {
                    return unsafe lane.importCut(record.pointee)
                }
                unsafe lane.noteHeld(record)
                return unsafe lane.imports(record)
            },
            import_ended: { state in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.handover/1.import_ended") {
                    unsafe lane.module.tables.handover?.pointee.import_ended(lane.inner)
                }
            },
            owns: { state, socket, datagram in
                let lane = unsafe CheckedLane.of(state)
                return lane.call("pa.handover/1.owns") {
                    unsafe lane.module.tables.handover?.pointee.owns(lane.inner, socket, datagram) ?? 0
                }
            },
            remaining: { state in
                let lane = unsafe CheckedLane.of(state)
                return lane.call("pa.handover/1.remaining") {
                    unsafe lane.module.tables.handover?.pointee.remaining(lane.inner) ?? 0
                }
            })
    }

    /// One call of `export_lane`, between the module and the host's sink.
    @safe private final class Offers {
        private let lane: CheckedLane
        private let inner: pa_handover_sink?
        private let context: UnsafeMutableRawPointer?

        init(_ lane: CheckedLane, _ inner: pa_handover_sink?, _ context: UnsafeMutableRawPointer?) {
            self.lane = lane
            unsafe self.inner = inner
            unsafe self.context = context
        }

        static let sink: pa_handover_sink = { context, record in
            guard let context = unsafe context, let record = unsafe record else { return PA_ERROR_ARGUMENT }
            return unsafe Unmanaged<Offers>.fromOpaque(context).takeUnretainedValue().take(record)
        }

        private func take(_ record: UnsafeMutablePointer<pa_handover_record_v1>) -> pa_status {
            let call: StaticString = "pa.handover/1.sink"
            let size = unsafe record.pointee.size
            guard size == UInt32(unsafe MemoryLayout<pa_handover_record_v1>.size) else {
                lane.broke(.structSize, call, "pa_handover_record_v1 says \(size) octets")
                return PA_ERROR_ARGUMENT
            }
            guard unsafe record.pointee.isWhole else {
                lane.broke(.argument, call, "octets, objects or what is held begin at NULL")
                return PA_ERROR_ARGUMENT
            }
            let (connection, version) = unsafe (record.pointee.connection, record.pointee.version)
            if lane.handedOver.contains(connection) {
                lane.broke(.useAfterClose, call, "connection \(connection) is offered after it was taken")
                return PA_ERROR_ARGUMENT
            }
            let newest = unsafe lane.module.tables.handover?.pointee.newest ?? 0
            if version != newest {
                lane.broke(.returnValue, call, "version \(version) is written, \(newest) was announced")
            }
            if lane.refusesInTrial(connection) { return PA_ERROR_REFUSED }
            let status = unsafe inner?(context, record) ?? PA_ERROR_ARGUMENT
            if status == PA_OK, connection != 0 { lane.handedOver.insert(connection) }
            return status
        }
    }
}

extension CheckedLane {
    fileprivate func imports(_ record: UnsafeMutablePointer<pa_handover_record_v1>) -> pa_status {
        call("pa.handover/1.import") {
            unsafe module.tables.handover?.pointee.import(inner, record) ?? PA_ERROR_UNSUPPORTED
        }
    }

    /// Every second connection, and each time that it is offered.
    fileprivate func refusesInTrial(_ connection: UInt64) -> Bool {
        guard module.handoverTrial == .refusals, connection != 0 else { return false }
        let isRefused = tried[connection] ?? tried.count.isMultiple(of: 2)
        tried[connection] = isRefused
        return isRefused
    }

    /// Half a record must be refused: what is missing may not be read, and the connection stays where it is.
    fileprivate func importCut(_ record: pa_handover_record_v1) -> pa_status {
        let half = unsafe record.octets.length / 2
        guard let page = unsafe GuardedOctets(record.octets.start, count: half) else { return PA_ERROR_LIMIT }
        var cut = unsafe record
        unsafe cut.octets = pa_octets_v1(start: page.start, length: half)
        let status = unsafe imports(&cut)
        withExtendedLifetime(page) {}
        if status == PA_OK {
            broke(.returnValue, "pa.handover/1.import", "a record that was cut in half is taken")
        }
        return PA_ERROR_REFUSED
    }

    /// What comes with a connection was given to another instance of the module before.
    fileprivate func noteHeld(_ record: UnsafeMutablePointer<pa_handover_record_v1>) {
        let record = unsafe record.pointee
        for index in 0..<Int(unsafe record.held_count) {
            let (kind, handle) = unsafe (record.held[index].kind, record.held[index].handle)
            switch kind {
            case PA_HELD_SESSION:
                sessions.note(handle)
                tickets.note(handle)
            case PA_HELD_STREAM: streams.note(handle)
            case PA_HELD_QUESTION: tickets.note(handle)
            case PA_HELD_IDENTITY: identities.note(handle)
            default: break
            }
        }
    }
}

/// Octets behind which memory begins that nobody may read.
@safe private final class GuardedOctets {
    let start: UnsafePointer<UInt8>
    private let memory: UnsafeMutableRawPointer
    private let size: Int

    /// A copy; nil where there is no memory.
    init?(_ octets: UnsafePointer<UInt8>?, count: Int) {
        let page = Int(getpagesize())
        let room = (count + page - 1) / page * page
        size = room + page
        let flags = MAP_PRIVATE | MAP_ANON
        guard let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0),
            unsafe memory != MAP_FAILED
        else { return nil }
        unsafe self.memory = memory
        let copy = unsafe (memory + (room - count)).assumingMemoryBound(to: UInt8.self)
        if let octets = unsafe octets { unsafe copy.update(from: octets, count: count) }
        unsafe start = UnsafePointer(copy)
        unsafe mprotect(memory + room, page, PROT_NONE)
    }

    deinit { unsafe munmap(memory, size) }
}
