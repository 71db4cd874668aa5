import PluginABI

/// What a checked module is shown in place of the host's tables: each function holds the call against its
/// rules, refuses what breaks one, and passes on what keeps them.
///
/// This file has the core and what is small; datagrams, streams, questions and sessions have their own.
enum CheckedHostTables {
    static func capability(_ host: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
        guard unsafe CheckedModules.module(host) != nil else {
            CheckedModules.blame(.hostPointer, "capability", "no such pa_host")
            return nil
        }
        guard let id = unsafe id else {
            unsafe CheckedModules.module(host)?.broke(.argument, "capability", "the id is NULL")
            return nil
        }
        return switch unsafe String(cString: id) {
        case PA_TIMER: unsafe UnsafeRawPointer(timer)
        case PA_DATAGRAM: unsafe UnsafeRawPointer(datagram)
        case PA_STREAM: unsafe UnsafeRawPointer(stream)
        case PA_AUTH: unsafe UnsafeRawPointer(auth)
        case PA_SESSION: unsafe UnsafeRawPointer(session)
        case PA_IPV6: unsafe UnsafeRawPointer(ipv6)
        case PA_IPV6_LINK: unsafe UnsafeRawPointer(ipv6Link)
        case PA_PERMISSION: unsafe UnsafeRawPointer(permission)
        case PA_PASSWORD: unsafe UnsafeRawPointer(password)
        case PA_PSK: unsafe UnsafeRawPointer(psk)
        case PA_OPTION: unsafe UnsafeRawPointer(option)
        case PA_STORE: unsafe UnsafeRawPointer(store)
        case PA_CERTIFICATE: unsafe UnsafeRawPointer(certificate)
        case PA_LOG: unsafe UnsafeRawPointer(log)
        case PA_METRIC: unsafe UnsafeRawPointer(metric)
        default: unsafe HostTable.capability(id)
        }
    }

    static func explain(_ host: OpaquePointer?, _ sentence: UnsafePointer<CChar>?) {
        guard let module = unsafe control(host, "explain") else { return }
        guard let sentence = unsafe sentence else { return module.broke(.argument, "explain", "NULL") }
        guard let text = unsafe String(validatingCString: sentence) else {
            return module.broke(.textEncoding, "explain", "the sentence is not UTF-8")
        }
        module.noteExplanation()
        module.instance.explain(text)
    }

    /// [any] The module behind a pa_host; nil, after the breach was told, if there is none.
    static func module(_ host: OpaquePointer?, _ call: StaticString) -> CheckedModule? {
        if let found = unsafe CheckedModules.module(host) { return found }
        CheckedModules.blame(.hostPointer, call, "no instance that lives has this pointer")
        return nil
    }

    /// The same for a [control] function.
    static func control(_ host: OpaquePointer?, _ call: StaticString) -> CheckedModule? {
        guard let found = unsafe module(host, call) else { return nil }
        guard found.instance.control.isCurrent else {
            found.broke(.thread, call, "called outside of a [control] call")
            return nil
        }
        return found
    }

    /// The result of a [control] function that passed on what it was given: arguments outside of what is
    /// accepted are told.
    static func passed(_ status: pa_status, _ module: CheckedModule, _ call: StaticString) -> pa_status {
        switch status {
        case PA_ERROR_ARGUMENT: module.broke(.argument, call, "an argument is not accepted")
        case PA_ERROR_HANDLE: module.broke(.foreignHandle, call, "the handle is not the module's")
        default: break
        }
        return status
    }

    nonisolated(unsafe) static let timer = unsafe constant(
        pa_timer_host_v1(
            size: UInt32(MemoryLayout<pa_timer_host_v1>.size), reserved: 0,
            now: { lane in
                guard unsafe CheckedLane.caller(lane, "pa.timer/1.now") != nil else { return 0 }
                return unsafe TimerTable.pointer.pointee.now(lane)
            },
            wall_seconds: { lane in
                guard unsafe CheckedLane.caller(lane, "pa.timer/1.wall_seconds") != nil else { return 0 }
                return unsafe TimerTable.pointer.pointee.wall_seconds(lane)
            },
            arm: { lane, token, at in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.timer/1.arm") else {
                    return PA_ERROR_THREAD
                }
                guard unsafe caller.module.tables.timer != nil else {
                    caller.broke(
                        .undeclared, "pa.timer/1.arm", "the module has no \(PA_TIMER) to be called at")
                    return PA_ERROR_STATE
                }
                return unsafe TimerTable.pointer.pointee.arm(lane, token, at)
            },
            disarm: { lane, token in
                guard unsafe CheckedLane.caller(lane, "pa.timer/1.disarm") != nil else {
                    return PA_ERROR_THREAD
                }
                return unsafe TimerTable.pointer.pointee.disarm(lane, token)
            },
            random: { host, octets, count in
                guard let module = unsafe module(host, "pa.timer/1.random") else { return PA_ERROR_ARGUMENT }
                let status = unsafe TimerTable.pointer.pointee.random(host, octets, count)
                return passed(status, module, "pa.timer/1.random")
            }))

    nonisolated(unsafe) static let option = unsafe constant(
        pa_option_host_v1(
            size: UInt32(MemoryLayout<pa_option_host_v1>.size), reserved: 0,
            string: { host, key, value in
                unsafe read(host, "pa.option/1.string") {
                    unsafe OptionTable.pointer.pointee.string(host, key, value)
                }
            },
            integer: { host, key, value in
                unsafe read(host, "pa.option/1.integer") {
                    unsafe OptionTable.pointer.pointee.integer(host, key, value)
                }
            },
            boolean: { host, key, value in
                unsafe read(host, "pa.option/1.boolean") {
                    unsafe OptionTable.pointer.pointee.boolean(host, key, value)
                }
            },
            strings: { host, key, values, count in
                unsafe read(host, "pa.option/1.strings") {
                    unsafe OptionTable.pointer.pointee.strings(host, key, values, count)
                }
            }))

    private static func read(_ host: OpaquePointer?, _ call: StaticString, _ body: () -> pa_status)
        -> pa_status
    {
        guard let module = unsafe control(host, call) else { return PA_ERROR_THREAD }
        let status = body()
        if status == PA_ERROR_ARGUMENT {
            module.broke(.undeclared, call, "an option that was not declared, or not of this type, is read")
        }
        return status
    }

    nonisolated(unsafe) static let store = unsafe constant(
        pa_store_host_v1(
            size: UInt32(MemoryLayout<pa_store_host_v1>.size), reserved: 0,
            get: { host, name, value in
                guard let module = unsafe control(host, "pa.store/1.get") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe StoreTable.pointer.pointee.get(host, name, value), module, "pa.store/1.get")
            },
            put: { host, name, value in
                guard let module = unsafe control(host, "pa.store/1.put") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe StoreTable.pointer.pointee.put(host, name, value), module, "pa.store/1.put")
            }))

    nonisolated(unsafe) static let certificate = unsafe constant(
        pa_certificate_host_v1(
            size: UInt32(MemoryLayout<pa_certificate_host_v1>.size), reserved: 0,
            server: { host, chain, key, trust in
                guard unsafe control(host, "pa.certificate/1.server") != nil else { return PA_ERROR_THREAD }
                return unsafe CertificateTable.pointer.pointee.server(host, chain, key, trust)
            },
            public_name: { host, name in
                guard let module = unsafe control(host, "pa.certificate/1.public_name") else {
                    return PA_ERROR_THREAD
                }
                return passed(
                    unsafe CertificateTable.pointer.pointee.public_name(host, name), module,
                    "pa.certificate/1.public_name")
            }))

    nonisolated(unsafe) static let psk = unsafe constant(
        pa_psk_host_v1(
            size: UInt32(MemoryLayout<pa_psk_host_v1>.size), reserved: 0,
            keys: { host, keys, count in
                guard let module = unsafe control(host, "pa.psk/1.keys") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe PSKTable.pointer.pointee.keys(host, keys, count), module, "pa.psk/1.keys")
            }))

    nonisolated(unsafe) static let log = unsafe constant(
        pa_log_host_v1(
            size: UInt32(MemoryLayout<pa_log_host_v1>.size), reserved: 0,
            is_enabled: { host, level in
                guard unsafe module(host, "pa.log/1.is_enabled") != nil else { return 0 }
                return unsafe LogTable.pointer.pointee.is_enabled(host, level)
            },
            write: { host, level, line in
                guard let module = unsafe module(host, "pa.log/1.write") else { return }
                guard (PA_LOG_DEBUG...PA_LOG_ERROR).contains(level), let line = unsafe line else {
                    return module.broke(.argument, "pa.log/1.write", "level \(level), or no line")
                }
                guard unsafe String(validatingCString: line) != nil else {
                    return module.broke(.textEncoding, "pa.log/1.write", "the line is not UTF-8")
                }
                unsafe LogTable.pointer.pointee.write(host, level, line)
            }))

    nonisolated(unsafe) static let metric = unsafe constant(
        pa_metric_host_v1(
            size: UInt32(MemoryLayout<pa_metric_host_v1>.size), reserved: 0,
            declare: { host, name, kind, help, number in
                guard let module = unsafe control(host, "pa.metric/1.declare") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe MetricTable.pointer.pointee.declare(host, name, kind, help, number), module,
                    "pa.metric/1.declare")
            },
            add: { lane, number, amount in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.metric/1.add") else { return }
                let declared = caller.module.instance.metrics.all
                guard Int(number) < declared.count else {
                    return caller.broke(.undeclared, "pa.metric/1.add", "metric \(number) was not declared")
                }
                guard amount >= 0 || declared[Int(number)].kind == PA_METRIC_GAUGE else {
                    let name = declared[Int(number)].name
                    return caller.broke(.counterShrinks, "pa.metric/1.add", "\(amount) is added to \(name)")
                }
                unsafe MetricTable.pointer.pointee.add(lane, number, amount)
            }))
}
