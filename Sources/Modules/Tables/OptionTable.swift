import PluginABI

/// `pa.option/1`, the host's side.
enum OptionTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_option_host_v1(
            size: UInt32(MemoryLayout<pa_option_host_v1>.size), reserved: 0,
            string: { host, key, value in
                unsafe read(host, key, PA_OPTION_STRING) { options, key in
                    guard let text = unsafe options.text(key) else { return PA_ERROR_STATE }
                    unsafe value?.pointee = text
                    return PA_OK
                }
            },
            integer: { host, key, value in
                unsafe read(host, key, PA_OPTION_INTEGER) { options, key in
                    guard case .integer(let number) = options.values[key] else { return PA_ERROR_STATE }
                    unsafe value?.pointee = number
                    return PA_OK
                }
            },
            boolean: { host, key, value in
                unsafe read(host, key, PA_OPTION_BOOLEAN) { options, key in
                    guard case .boolean(let flag) = options.values[key] else { return PA_ERROR_STATE }
                    unsafe value?.pointee = flag ? 1 : 0
                    return PA_OK
                }
            },
            strings: { host, key, values, count in
                unsafe read(host, key, PA_OPTION_STRINGS) { options, key in
                    guard let list = unsafe options.list(key) else { return PA_ERROR_STATE }
                    unsafe values?.pointee = list.start
                    unsafe count?.pointee = UInt32(unsafe list.count)
                    return PA_OK
                }
            }))

    private static func read(
        _ host: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ type: UInt32,
        _ body: (ModuleOptions, String) -> pa_status
    ) -> pa_status {
        let instance = unsafe ModuleInstance.from(host)
        guard instance.control.isCurrent else { return PA_ERROR_THREAD }
        guard let key = unsafe text(key), let options = instance.options as ModuleOptions?,
            options.declarations.contains(where: { $0.key == key && $0.type == type })
        else { return PA_ERROR_ARGUMENT }
        return body(options, key)
    }
}
