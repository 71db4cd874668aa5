internal import PluginABI

/// The host's tables, found once; nil where it lacks one or means another layout by its id.
@safe struct HostTables {
    let datagram: UnsafePointer<pa_datagram_host_v1>?
    let stream: UnsafePointer<pa_stream_host_v1>?
    let timer: UnsafePointer<pa_timer_host_v1>?
    let auth: UnsafePointer<pa_auth_host_v1>?
    let session: UnsafePointer<pa_session_host_v1>?
    let ipv6: UnsafePointer<pa_ipv6_host_v1>?
    let ipv6Link: UnsafePointer<pa_ipv6_link_host_v1>?
    let permission: UnsafePointer<pa_permission_host_v1>?
    let password: UnsafePointer<pa_password_host_v1>?
    let metric: UnsafePointer<pa_metric_host_v1>?
    let option: UnsafePointer<pa_option_host_v1>?
    let store: UnsafePointer<pa_store_host_v1>?
    let certificate: UnsafePointer<pa_certificate_host_v1>?
    let psk: UnsafePointer<pa_psk_host_v1>?
    let log: UnsafePointer<pa_log_host_v1>?

    init(_ table: UnsafePointer<pa_host_v1>) {
        unsafe datagram = Self.find(PA_DATAGRAM, in: table)
        unsafe stream = Self.find(PA_STREAM, in: table)
        unsafe timer = Self.find(PA_TIMER, in: table)
        unsafe auth = Self.find(PA_AUTH, in: table)
        unsafe session = Self.find(PA_SESSION, in: table)
        unsafe ipv6 = Self.find(PA_IPV6, in: table)
        unsafe ipv6Link = Self.find(PA_IPV6_LINK, in: table)
        unsafe permission = Self.find(PA_PERMISSION, in: table)
        unsafe password = Self.find(PA_PASSWORD, in: table)
        unsafe metric = Self.find(PA_METRIC, in: table)
        unsafe option = Self.find(PA_OPTION, in: table)
        unsafe store = Self.find(PA_STORE, in: table)
        unsafe certificate = Self.find(PA_CERTIFICATE, in: table)
        unsafe psk = Self.find(PA_PSK, in: table)
        unsafe log = Self.find(PA_LOG, in: table)
    }

    private static func find<T>(_ id: String, in table: UnsafePointer<pa_host_v1>) -> UnsafePointer<T>? {
        guard let found = unsafe table.pointee.capability(table.pointee.host, id) else { return nil }
        guard unsafe found.load(as: UInt32.self) == MemoryLayout<T>.size else { return nil }
        return unsafe found.assumingMemoryBound(to: T.self)
    }

    var capabilities: Capabilities {
        var found: Capabilities = []
        if unsafe datagram != nil { found.insert(.datagrams) }
        if unsafe stream != nil { found.insert(.streams) }
        if unsafe timer != nil { found.insert(.timers) }
        if unsafe auth != nil { found.insert(.authentication) }
        if unsafe session != nil { found.insert(.sessions) }
        if unsafe ipv6 != nil { found.insert(.ipv6) }
        if unsafe permission != nil { found.insert(.permissions) }
        if unsafe password != nil { found.insert(.passwords) }
        if unsafe metric != nil { found.insert(.metrics) }
        if unsafe option != nil { found.insert(.options) }
        if unsafe store != nil { found.insert(.store) }
        if unsafe certificate != nil { found.insert(.certificates) }
        if unsafe psk != nil { found.insert(.preSharedKeys) }
        if unsafe log != nil { found.insert(.log) }
        return found
    }
}
