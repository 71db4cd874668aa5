import PluginABI

/// The core table that `create` is handed, and the way from capability ids to tables.
///
/// The tables are constant, so every instance is shown the same ones.
enum HostTable {
    /// The version that modules see, for their logs.
    private static let version = CText("polyhub 1")

    /// - Parameter isChecked: whether the module shall be shown tables that hold its calls against the rules.
    static func make(_ host: OpaquePointer, isChecked: Bool) -> pa_host_v1 {
        var table = unsafe pa_host_v1()
        unsafe table.size = UInt32(MemoryLayout<pa_host_v1>.size)
        unsafe table.abi_major = UInt16(PA_ABI_MAJOR)
        unsafe table.abi_minor = UInt16(PA_ABI_MINOR)
        unsafe table.host = host
        unsafe table.version = UnsafePointer(version.start)
        unsafe table.capability = { _, id in unsafe HostTable.capability(id) }
        unsafe table.explain = { host, sentence in
            guard let sentence = unsafe sentence else { return }
            unsafe ModuleInstance.from(host).explain(String(cString: sentence))
        }
        if isChecked {
            unsafe table.capability = { host, id in unsafe CheckedHostTables.capability(host, id) }
            unsafe table.explain = { host, sentence in unsafe CheckedHostTables.explain(host, sentence) }
        }
        return unsafe table
    }

    static func capability(_ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
        guard let id = unsafe id else { return nil }
        return switch unsafe String(cString: id) {
        case PA_TIMER: unsafe UnsafeRawPointer(TimerTable.pointer)
        case PA_DATAGRAM: unsafe UnsafeRawPointer(DatagramTable.pointer)
        case PA_STREAM: unsafe UnsafeRawPointer(StreamTable.pointer)
        case PA_AUTH: unsafe UnsafeRawPointer(AuthTable.pointer)
        case PA_SESSION: unsafe UnsafeRawPointer(SessionTable.pointer)
        case PA_IPV6: unsafe UnsafeRawPointer(IPv6Table.pointer)
        case PA_IPV6_LINK: unsafe UnsafeRawPointer(IPv6Table.links)
        case PA_PERMISSION: unsafe UnsafeRawPointer(PermissionTable.pointer)
        case PA_PASSWORD: unsafe UnsafeRawPointer(PasswordTable.pointer)
        case PA_PSK: unsafe UnsafeRawPointer(PSKTable.pointer)
        case PA_OPTION: unsafe UnsafeRawPointer(OptionTable.pointer)
        case PA_STORE: unsafe UnsafeRawPointer(StoreTable.pointer)
        case PA_CERTIFICATE: unsafe UnsafeRawPointer(CertificateTable.pointer)
        case PA_LOG: unsafe UnsafeRawPointer(LogTable.pointer)
        case PA_METRIC: unsafe UnsafeRawPointer(MetricTable.pointer)
        case PA_THREAD_CHECK: unsafe UnsafeRawPointer(ThreadCheckTable.pointer)
        default: nil
        }
    }
}

/// A table that lives as long as the process.
func constant<Table>(_ table: Table) -> UnsafePointer<Table> {
    let memory = UnsafeMutablePointer<Table>.allocate(capacity: 1)
    unsafe memory.initialize(to: table)
    return unsafe UnsafePointer(memory)
}

extension pa_octets_v1 {
    /// A copy.
    var bytes: [UInt8] {
        guard let start = unsafe start else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: length))
    }

    /// A copy as text; what is not UTF-8 is repaired.
    var text: String { unsafe String(decoding: bytes, as: UTF8.self) }
}

/// A copy of a text that may be missing.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { unsafe pointer.map { unsafe String(cString: $0) } }
