import OpenSSL
import PluginABI
import Wire

/// `pa.timer/1`, the host's side.
enum TimerTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_timer_host_v1(
            size: UInt32(MemoryLayout<pa_timer_host_v1>.size), reserved: 0,
            now: { lane in unsafe ModuleLane.from(lane).lane.now.nanoseconds },
            wall_seconds: { lane in Int64(clamping: unsafe ModuleLane.from(lane).lane.wallSeconds) },
            arm: { lane, token, at in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                lane.arm(token: token, at: Instant(nanoseconds: at))
                return PA_OK
            },
            disarm: { lane, token in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                lane.disarm(token: token)
                return PA_OK
            },
            random: { _, octets, count in
                guard let octets = unsafe octets else { return PA_ERROR_ARGUMENT }
                let buffer = unsafe UnsafeMutableRawBufferPointer(start: octets, count: count)
                var span = unsafe MutableRawSpan(_unsafeBytes: buffer)
                return (try? fillRandom(&span)) == nil ? PA_ERROR_SYSTEM : PA_OK
            }))
}
