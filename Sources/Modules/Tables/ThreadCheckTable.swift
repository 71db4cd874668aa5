import PluginABI

/// `pa.thread-check/1`, the host's side.
enum ThreadCheckTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_thread_check_host_v1(
            size: UInt32(MemoryLayout<pa_thread_check_host_v1>.size), reserved: 0,
            is_lane: { lane in unsafe ModuleLane.from(lane).lane.isCurrent ? 1 : 0 },
            is_control: { host in unsafe ModuleInstance.from(host).control.isCurrent ? 1 : 0 }))
}
