import PluginABI

/// `pa.log/1`, the host's side.
enum LogTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_log_host_v1(
            size: UInt32(MemoryLayout<pa_log_host_v1>.size), reserved: 0,
            is_enabled: { host, level in
                unsafe ModuleInstance.from(host).services.isLogged(level: level) ? 1 : 0
            },
            write: { host, level, line in
                let instance = unsafe ModuleInstance.from(host)
                instance.services.log(module: instance.name, level: level, line: unsafe text(line) ?? "")
            }))
}
