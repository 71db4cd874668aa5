internal import PluginABI

/// One instance of a module as the host holds it: the state behind a `pa_module_v1`.
@safe final class ModuleInstance {
    let adapter: any PacketAdapter
    let host: HostServices
    let memory = CMemory()
    /// Functions of the commands; they live as long as the instance.
    var functions: [CFunction] = []
    /// The text that the last command returned.
    var lastResult: UnsafeMutablePointer<CChar>?
    private(set) var optionTable: UnsafePointer<pa_option_module_v1>?
    private(set) var commandTable: UnsafePointer<pa_command_module_v1>?
    private(set) var handoverTable: UnsafePointer<pa_handover_module_v1>?
    private var table: UnsafePointer<pa_module_v1>?

    private init(_ type: any PacketAdapter.Type, host: HostServices) throws {
        self.host = host
        adapter = try type.init(host: host)
        unsafe optionTable = makeOptionTable(type.options)
        unsafe commandTable = makeCommandTable(adapter.commands)
        if type.capabilities.contains(.handover) {
            unsafe handoverTable = memory.value(ModuleTables.handover(type.handoverVersions))
        }
    }

    deinit { unsafe lastResult?.deallocate() }

    static func create(
        _ type: any PacketAdapter.Type, host: UnsafePointer<pa_host_v1>?,
        module: UnsafeMutablePointer<UnsafePointer<pa_module_v1>?>?
    ) -> pa_status {
        guard let host = unsafe host, let module = unsafe module,
            unsafe host.pointee.size == MemoryLayout<pa_host_v1>.size
        else { return PA_ERROR_ARGUMENT }
        let services = unsafe HostServices(host)
        return services.explaining {
            let instance = try ModuleInstance(type, host: services)
            let state = unsafe Unmanaged.passRetained(instance).toOpaque()
            let table = unsafe instance.memory.value(ModuleTables.module(state))
            unsafe instance.table = table
            unsafe module.pointee = table
        }
    }

    /// The instance behind a module's state, lent.
    static func with<R>(_ state: UnsafeMutableRawPointer?, _ body: (ModuleInstance) -> R) -> R {
        unsafe Unmanaged<ModuleInstance>.fromOpaque(state.unsafelyUnwrapped)._withUnsafeGuaranteedRef {
            body($0)
        }
    }

    func capability(_ id: String) -> UnsafeRawPointer? {
        let offered = type(of: adapter).capabilities
        guard let wanted = Capabilities.ids.first(where: { $0.id == id })?.capability else { return nil }
        switch wanted {
        case .options: return unsafe UnsafeRawPointer(optionTable)
        case .commands: return unsafe UnsafeRawPointer(commandTable)
        case .handover: return unsafe UnsafeRawPointer(handoverTable)
        case _ where !offered.contains(wanted): return nil
        case .datagrams: return unsafe UnsafeRawPointer(ModuleTables.datagram)
        case .streams: return unsafe UnsafeRawPointer(ModuleTables.stream)
        case .sessions: return unsafe UnsafeRawPointer(ModuleTables.session)
        case .ipv6: return unsafe UnsafeRawPointer(ModuleTables.ipv6)
        case .authentication: return unsafe UnsafeRawPointer(ModuleTables.auth)
        case .timers: return unsafe UnsafeRawPointer(ModuleTables.timer)
        case .preSharedKeys: return unsafe UnsafeRawPointer(ModuleTables.preSharedKeys)
        case .certificates: return unsafe UnsafeRawPointer(ModuleTables.certificate)
        default: return nil
        }
    }

    func start() -> pa_status {
        host.explaining {
            let lacking = type(of: adapter).needs.subtracting(host.capabilities)
            guard lacking.isEmpty else {
                throw ModuleFailure("this server has no \(lacking.names)", status: .unsupported)
            }
            try adapter.start()
        }
    }

    private func makeOptionTable(_ options: [OptionDeclaration]) -> UnsafePointer<pa_option_module_v1>? {
        guard !options.isEmpty else { return nil }
        let list = unsafe options.map { unsafe Optional(memory.value($0.raw(in: memory))) }
        return unsafe memory.value(
            pa_option_module_v1(
                size: UInt32(MemoryLayout<pa_option_module_v1>.size), count: UInt32(options.count),
                options: memory.array(list), changed: ModuleTables.optionsChanged))
    }
}

extension HostServices {
    /// Runs a call of the host; what it throws becomes a sentence and a status.
    func explaining(_ body: () throws -> Void) -> pa_status {
        do {
            try body()
            return PA_OK
        } catch {
            explain(String(describing: error))
            return switch error {
            case let failure as ModuleFailure: failure.status.rawValue
            case let status as Status: status.rawValue
            default: PA_ERROR_REFUSED
            }
        }
    }
}
