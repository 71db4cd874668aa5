import PluginABI

/// `pa.store/1`, the host's side.
enum StoreTable {
    static let maxOctets = 65_536

    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_store_host_v1(
            size: UInt32(MemoryLayout<pa_store_host_v1>.size), reserved: 0,
            get: { host, name, value in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let name = unsafe text(name), let value = unsafe value else { return PA_ERROR_ARGUMENT }
                do {
                    guard let stored = try instance.services.storedValue(module: instance.name, name: name)
                    else {
                        return PA_ERROR_STATE
                    }
                    unsafe value.pointee = instance.lend(stored, as: PA_STORE)
                    return PA_OK
                } catch {
                    instance.services.log(
                        module: instance.name, level: PA_LOG_ERROR, line: "store=\(name) error=\(error)")
                    return PA_ERROR_SYSTEM
                }
            },
            put: { host, name, value in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let name = unsafe text(name), !name.isEmpty else { return PA_ERROR_ARGUMENT }
                guard unsafe value.length <= maxOctets else { return PA_ERROR_LIMIT }
                do {
                    try instance.services.store(module: instance.name, name: name, value: unsafe value.bytes)
                    return PA_OK
                } catch {
                    instance.services.log(
                        module: instance.name, level: PA_LOG_ERROR, line: "store=\(name) error=\(error)")
                    return PA_ERROR_SYSTEM
                }
            }))
}
