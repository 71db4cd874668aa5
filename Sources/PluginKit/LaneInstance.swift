internal import PluginABI

/// A module on one lane as the host holds it: the `lane_state`.
@safe final class LaneInstance {
    let adapter: any LaneAdapter
    let refusals = HandoverRefusals()
    private let scratch: UnsafeMutablePointer<pa_datagram_v1>

    init(_ module: ModuleInstance, lane: OpaquePointer, index: Int, of count: Int) throws {
        unsafe scratch = .allocate(capacity: LaneServices.datagramsPerCall)
        let services = unsafe LaneServices(lane: lane, host: module.host, scratch: scratch)
        do {
            adapter = try module.adapter.makeLane(services, index: index, of: count)
        } catch {
            unsafe scratch.deallocate()
            throw error
        }
    }

    deinit { unsafe scratch.deallocate() }

    /// The adapter behind a `lane_state`, lent: nothing is retained for the call.
    @inline(__always)
    static func with<R>(_ state: UnsafeMutableRawPointer?, _ body: (any LaneAdapter) -> R) -> R {
        unsafe Unmanaged<LaneInstance>.fromOpaque(state.unsafelyUnwrapped)
            ._withUnsafeGuaranteedRef { body($0.adapter) }
    }

    static func export(
        _ state: UnsafeMutableRawPointer?, to sink: pa_handover_sink, _ context: UnsafeMutableRawPointer?
    ) {
        unsafe Unmanaged<LaneInstance>.fromOpaque(state.unsafelyUnwrapped)._withUnsafeGuaranteedRef { lane in
            lane.refusals.turn {
                lane.adapter.exportConnections(
                    to: unsafe HandoverSink(sink: sink, context: context, refusals: $0))
            }
        }
    }
}
