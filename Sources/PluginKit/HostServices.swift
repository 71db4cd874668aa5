internal import PluginABI

/// What the host gives to one instance of a module, on control threads unless a function says otherwise.
/// Lives as long as the instance. A function whose capability the host lacks fails with `Status.unsupported`.
@safe public final class HostServices: @unchecked Sendable {
    let table: UnsafePointer<pa_host_v1>
    let host: OpaquePointer
    let tables: HostTables

    /// What this host has.
    public let capabilities: Capabilities
    /// Of the server, for logs only.
    public let serverVersion: String

    init(_ table: UnsafePointer<pa_host_v1>) {
        unsafe self.table = table
        unsafe host = table.pointee.host
        serverVersion = unsafe String(lent: table.pointee.version) ?? ""
        unsafe tables = HostTables(table)
        capabilities = tables.capabilities
    }

    /// Says why the call in progress is about to fail. What a call throws is told without this.
    public func explain(_ sentence: String) { unsafe table.pointee.explain(host, sentence) }
}

// MARK: - Log and metrics

extension HostServices {
    public enum Level: UInt32, Sendable {
        case debug = 1
        case info = 2
        /// An operator should look.
        case warn = 3
        /// Something does not work.
        case error = 4
    }

    /// [any] One line, best as key=value. Lifecycle only; never per packet, never a secret.
    public func log(_ level: Level, _ line: @autoclosure () -> String) {
        guard let log = unsafe tables.log, unsafe log.pointee.is_enabled(host, level.rawValue) != 0 else {
            return
        }
        unsafe log.pointee.write(host, level.rawValue, line())
    }

    /// Declares a counter, which only grows. Names follow `[a-z][a-z0-9_]*`; at most 256 a module.
    public func declareCounter(_ name: String, help: String) throws(Status) -> Metric {
        try declare(name, PA_METRIC_COUNTER, help)
    }

    /// Declares a gauge, which goes up and down.
    public func declareGauge(_ name: String, help: String) throws(Status) -> Metric {
        try declare(name, PA_METRIC_GAUGE, help)
    }

    private func declare(_ name: String, _ kind: UInt32, _ help: String) throws(Status) -> Metric {
        guard let metric = unsafe tables.metric else { return .unkept }
        var number: UInt32 = 0
        try Status(rawValue: unsafe metric.pointee.declare(host, name, kind, help, &number)).check()
        return Metric(rawValue: number)
    }
}

// MARK: - Options

extension HostServices {
    /// Nil: left out, and without a default. Throws where it was not declared, or as another type.
    public func string(_ key: String) throws(Status) -> String? {
        guard let option = unsafe tables.option else { throw .unsupported }
        var value: UnsafePointer<CChar>?
        let status = Status(rawValue: unsafe option.pointee.string(host, key, &value))
        if status == .state { return nil }
        try status.check()
        return unsafe String(lent: value)
    }

    public func integer(_ key: String) throws(Status) -> Int64? {
        guard let option = unsafe tables.option else { throw .unsupported }
        var value: Int64 = 0
        let status = Status(rawValue: unsafe option.pointee.integer(host, key, &value))
        if status == .state { return nil }
        try status.check()
        return value
    }

    public func boolean(_ key: String) throws(Status) -> Bool {
        guard let option = unsafe tables.option else { throw .unsupported }
        var value: UInt32 = 0
        let status = Status(rawValue: unsafe option.pointee.boolean(host, key, &value))
        if status == .state { return false }
        try status.check()
        return value != 0
    }

    public func strings(_ key: String) throws(Status) -> [String] {
        guard let option = unsafe tables.option else { throw .unsupported }
        var values: UnsafePointer<UnsafePointer<CChar>?>?
        var count: UInt32 = 0
        let status = Status(rawValue: unsafe option.pointee.strings(host, key, &values, &count))
        if status == .state { return [] }
        try status.check()
        return unsafe UnsafeBufferPointer(start: values, count: Int(count)).compactMap {
            unsafe String(lent: $0)
        }
    }
}

// MARK: - What outlives the process, and the server's own name

extension HostServices {
    /// The value that was stored under `name`; nil where there is none.
    public func stored(_ name: String) throws(Status) -> [UInt8]? {
        guard let store = unsafe tables.store else { throw .unsupported }
        var value = unsafe pa_octets_v1()
        let status = Status(rawValue: unsafe store.pointee.get(host, name, &value))
        if status == .state { return nil }
        try status.check()
        return unsafe Array(lent: value)
    }

    /// Keeps at most 65536 octets; on disk when it returns. An empty value removes the name.
    public func store(_ value: [UInt8], as name: String) throws(Status) {
        guard let store = unsafe tables.store else { throw .unsupported }
        let memory = CMemory()
        let status = Status(rawValue: unsafe store.pointee.put(host, name, memory.octets(value)))
        withExtendedLifetime(memory) {}
        try status.check()
    }

    /// The server's certificate, all as PEM.
    public struct ServerCertificate: Sendable {
        /// Leaf first.
        public var chain: [UInt8]
        public var key: [UInt8]
        /// What a client must trust to accept the chain.
        public var trust: [UInt8]
    }

    public func serverCertificate() throws(Status) -> ServerCertificate {
        guard let certificate = unsafe tables.certificate else { throw .unsupported }
        var (chain, key, trust) = unsafe (pa_octets_v1(), pa_octets_v1(), pa_octets_v1())
        try Status(rawValue: unsafe certificate.pointee.server(host, &chain, &key, &trust)).check()
        return unsafe ServerCertificate(
            chain: Array(lent: chain), key: Array(lent: key), trust: Array(lent: trust))
    }

    /// A secret that a hub or a user has in common with an IPsec peer.
    public struct PreSharedKey: Sendable {
        /// Of the peer; empty: for peers whose name has no key.
        public var identity: String
        public var key: [UInt8]
        /// Where the key leads to.
        public var hub: String
    }

    /// Copies, which the caller wipes.
    public func preSharedKeys() throws(Status) -> [PreSharedKey] {
        guard let psk = unsafe tables.psk else { throw .unsupported }
        var keys: UnsafePointer<pa_psk_v1>?
        var count: UInt32 = 0
        try Status(rawValue: unsafe psk.pointee.keys(host, &keys, &count)).check()
        return unsafe UnsafeBufferPointer(start: keys, count: Int(count)).map { key in
            unsafe PreSharedKey(
                identity: String(decoding: Array(lent: key.identity), as: UTF8.self),
                key: Array(lent: key.key), hub: String(lent: key.hub) ?? "")
        }
    }

    /// The address or name that clients shall use to reach this server.
    public func publicName() throws(Status) -> String {
        guard let certificate = unsafe tables.certificate else { throw .unsupported }
        var name: UnsafePointer<CChar>?
        try Status(rawValue: unsafe certificate.pointee.public_name(host, &name)).check()
        return unsafe String(lent: name) ?? ""
    }

    /// [any] Octets from the system's cryptographic generator.
    public func random(_ count: Int) throws(Status) -> [UInt8] {
        guard let timer = unsafe tables.timer else { throw .unsupported }
        var octets = [UInt8](repeating: 0, count: count)
        try Status(rawValue: unsafe timer.pointee.random(host, &octets, count)).check()
        return octets
    }
}

// MARK: - Listeners

extension HostServices {
    /// Opens one more datagram listener; `url` as in plugins.conf, port 0 takes any free one.
    public func openListener(_ url: String, pinning: Pinning = .flow) throws(Status) -> SocketHandle {
        guard let datagram = unsafe tables.datagram else { throw .unsupported }
        var socket: pa_socket = 0
        try Status(rawValue: unsafe datagram.pointee.open(host, url, pinning.rawValue, &socket)).check()
        return SocketHandle(rawValue: socket)
    }

    public func closeListener(_ socket: SocketHandle) throws(Status) {
        guard let datagram = unsafe tables.datagram else { throw .unsupported }
        try Status(rawValue: unsafe datagram.pointee.close(host, socket.rawValue)).check()
    }

    /// The address that the listener is bound to.
    public func localAddress(of socket: SocketHandle) throws(Status) -> Endpoint {
        guard let datagram = unsafe tables.datagram else { throw .unsupported }
        var address = pa_address_v1()
        try Status(rawValue: unsafe datagram.pointee.local_address(host, socket.rawValue, &address)).check()
        guard let endpoint = Endpoint(address) else { throw .handle }
        return endpoint
    }
}
