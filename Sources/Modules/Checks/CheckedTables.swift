import PluginABI

/// What the host calls in place of a module's capability tables: each function notes the call, what it lends
/// and what it gives, and passes it on.
@safe final class CheckedTables {
    private(set) var datagram: UnsafePointer<pa_datagram_module_v1>?
    private(set) var stream: UnsafePointer<pa_stream_module_v1>?
    private(set) var auth: UnsafePointer<pa_auth_module_v1>?
    private(set) var session: UnsafePointer<pa_session_module_v1>?
    private(set) var ipv6: UnsafePointer<pa_ipv6_module_v1>?
    private(set) var timer: UnsafePointer<pa_timer_module_v1>?
    private(set) var certificate: UnsafePointer<pa_certificate_module_v1>?
    private(set) var psk: UnsafePointer<pa_psk_module_v1>?
    private(set) var option: UnsafePointer<pa_option_module_v1>?
    private(set) var command: UnsafePointer<pa_command_module_v1>?
    private(set) var handover: UnsafePointer<pa_handover_module_v1>?

    /// Of these two a part is the module's own, so that each module has its own copies.
    private var wrappedOptions: UnsafePointer<pa_option_module_v1>?
    private var wrappedHandover: UnsafePointer<pa_handover_module_v1>?

    /// Ids that this server has no table for must give NULL or be left alone; one of them is asked for.
    private static let unheardOf = "org.polyhub.unheard-of/1"

    /// [control] Looks every table up, once and for all.
    func wrap(_ made: UnsafePointer<pa_module_v1>, for module: CheckedModule) {
        unsafe datagram = Self.find(PA_DATAGRAM, made, module)
        unsafe stream = Self.find(PA_STREAM, made, module)
        unsafe auth = Self.find(PA_AUTH, made, module)
        unsafe session = Self.find(PA_SESSION, made, module)
        unsafe ipv6 = Self.find(PA_IPV6, made, module)
        unsafe timer = Self.find(PA_TIMER, made, module)
        unsafe certificate = Self.find(PA_CERTIFICATE, made, module)
        unsafe psk = Self.find(PA_PSK, made, module)
        unsafe handover = Self.find(PA_HANDOVER, made, module, functionsFrom: 16)
        // These two hold data beside their functions, which the host reads as it is.
        unsafe option = Self.find(PA_OPTION, made, module, functionsFrom: nil)
        unsafe command = Self.find(PA_COMMAND, made, module, functionsFrom: nil)
        wrapOptions()
        wrapHandover()
        if unsafe made.pointee.capability(made.pointee.state, Self.unheardOf) != nil {
            module.broke(.returnValue, "capability", "a table is given for an id that nobody defined")
        }
    }

    private static func find<Table>(
        _ id: String, _ made: UnsafePointer<pa_module_v1>, _ module: CheckedModule,
        functionsFrom first: Int? = 8
    ) -> UnsafePointer<Table>? {
        guard let table = unsafe made.pointee.capability(made.pointee.state, id) else { return nil }
        if unsafe made.pointee.capability(made.pointee.state, id) != table {
            module.broke(.changedAnswer, "capability", "two tables are given for \(id)")
        }
        let (size, expected) = (unsafe table.load(as: UInt32.self), MemoryLayout<Table>.size)
        guard size == expected else {
            module.broke(.structSize, "capability", "\(id) says \(size) octets, its struct has \(expected)")
            return nil
        }
        for offset in stride(from: first ?? expected, to: expected, by: 8)
        where unsafe table.load(fromByteOffset: offset, as: UInt.self) == 0 {
            module.broke(.missingFunction, "capability", "\(id) has NULL at octet \(offset)")
            return nil
        }
        return unsafe table.assumingMemoryBound(to: Table.self)
    }

    /// What the host is shown for an id.
    func table(_ id: String) -> UnsafeRawPointer? {
        switch id {
        case PA_DATAGRAM where unsafe datagram != nil: unsafe UnsafeRawPointer(Self.datagrams)
        case PA_STREAM where unsafe stream != nil: unsafe UnsafeRawPointer(Self.streams)
        case PA_AUTH where unsafe auth != nil: unsafe UnsafeRawPointer(Self.verdicts)
        case PA_SESSION where unsafe session != nil: unsafe UnsafeRawPointer(Self.sessions)
        case PA_IPV6 where unsafe ipv6 != nil: unsafe UnsafeRawPointer(Self.networks)
        case PA_TIMER where unsafe timer != nil: unsafe UnsafeRawPointer(Self.timers)
        case PA_CERTIFICATE where unsafe certificate != nil: unsafe UnsafeRawPointer(Self.certificates)
        case PA_PSK where unsafe psk != nil: unsafe UnsafeRawPointer(Self.peerKeys)
        case PA_HANDOVER: unsafe wrappedHandover.map { unsafe UnsafeRawPointer($0) }
        case PA_OPTION: unsafe wrappedOptions.map { unsafe UnsafeRawPointer($0) }
        case PA_COMMAND: unsafe command.map { unsafe UnsafeRawPointer($0) }
        default: nil
        }
    }

    /// The declarations are the module's, `changed` is checked.
    private func wrapOptions() {
        guard var copy = unsafe option?.pointee else { return }
        if unsafe copy.changed != nil {
            unsafe copy.changed = { state in
                let module = unsafe CheckedModule.of(state)
                return module.control("pa.option/1.changed") {
                    unsafe module.tables.option?.pointee.changed(module.inner.pointee.state) ?? PA_OK
                }
            }
        }
        let memory = UnsafeMutablePointer<pa_option_module_v1>.allocate(capacity: 1)
        unsafe memory.initialize(to: copy)
        unsafe wrappedOptions = UnsafePointer(memory)
    }

    /// The versions are the module's, every function is checked.
    private func wrapHandover() {
        guard let handover = unsafe handover?.pointee else { return }
        var table = CheckedHandover.functions
        (table.newest, table.oldest) = (handover.newest, handover.oldest)
        let memory = UnsafeMutablePointer<pa_handover_module_v1>.allocate(capacity: 1)
        unsafe memory.initialize(to: table)
        unsafe wrappedHandover = UnsafePointer(memory)
    }

    deinit {
        unsafe wrappedOptions?.deallocate()
        unsafe wrappedHandover?.deallocate()
    }

    nonisolated(unsafe) private static let datagrams = unsafe constant(
        pa_datagram_module_v1(
            size: UInt32(MemoryLayout<pa_datagram_module_v1>.size), reserved: 0,
            pinning: { state, url in
                let module = unsafe CheckedModule.of(state)
                guard let table = unsafe module.tables.datagram else { return PA_PIN_FLOW }
                let answer = unsafe table.pointee.pinning(module.inner.pointee.state, url)
                if answer != PA_PIN_FLOW && answer != PA_PIN_SOURCE {
                    module.broke(.returnValue, "pa.datagram/1.pinning", "\(answer) is no PA_PIN_*")
                }
                return answer
            },
            listening: { state, socket, local in
                let lane = unsafe CheckedLane.of(state)
                lane.sockets.note(socket)
                lane.call("pa.datagram/1.listening") {
                    unsafe lane.module.tables.datagram?.pointee.listening(lane.inner, socket, local)
                }
            },
            received: { state, socket, batch, count in
                let lane = unsafe CheckedLane.of(state)
                for index in 0..<Int(count) { unsafe lane.lend(batch![index].payload) }
                lane.call("pa.datagram/1.received") {
                    unsafe lane.module.tables.datagram?.pointee.received(lane.inner, socket, batch, count)
                }
            }))

    nonisolated(unsafe) private static let streams = unsafe constant(
        pa_stream_module_v1(
            size: UInt32(MemoryLayout<pa_stream_module_v1>.size), reserved: 0,
            claim: { state, first, count in
                let lane = unsafe CheckedLane.of(state)
                let answer = lane.call("pa.stream/1.claim") {
                    unsafe lane.module.tables.stream?.pointee.claim(lane.inner, first, count) ?? PA_CLAIM_NO
                }
                guard answer > PA_CLAIM_MORE else { return answer }
                lane.broke(.returnValue, "pa.stream/1.claim", "\(answer) is no PA_CLAIM_*")
                return PA_CLAIM_NO
            },
            opened: { state, stream, moved in
                let lane = unsafe CheckedLane.of(state)
                lane.streams.note(stream)
                return lane.call("pa.stream/1.opened") {
                    unsafe lane.module.tables.stream?.pointee.opened(lane.inner, stream, moved) ?? 0
                }
            },
            received: { state, token, octets in
                let lane = unsafe CheckedLane.of(state)
                unsafe lane.lend(octets)
                let taken = lane.call("pa.stream/1.received") {
                    unsafe lane.module.tables.stream?.pointee.received(lane.inner, token, octets) ?? 0
                }
                guard taken > Int(unsafe octets.length) else { return taken }
                lane.broke(
                    .returnValue, "pa.stream/1.received",
                    "\(taken) octets taken of \(unsafe octets.length)")
                return Int(unsafe octets.length)
            },
            writable: { state, token, queued in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.stream/1.writable") {
                    unsafe lane.module.tables.stream?.pointee.writable(lane.inner, token, queued)
                }
            },
            closed: { state, token, how in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.stream/1.closed") {
                    unsafe lane.module.tables.stream?.pointee.closed(lane.inner, token, how)
                }
            }))

    nonisolated(unsafe) private static let verdicts = unsafe constant(
        pa_auth_module_v1(
            size: UInt32(MemoryLayout<pa_auth_module_v1>.size), reserved: 0,
            decided: { state, token, verdict in
                let lane = unsafe CheckedLane.of(state)
                if let identity = unsafe verdict?.pointee.identity, identity != 0 {
                    lane.identities.note(identity)
                }
                lane.call("pa.auth/1.decided") {
                    unsafe lane.module.tables.auth?.pointee.decided(lane.inner, token, verdict)
                }
            }))

    nonisolated(unsafe) private static let networks = unsafe constant(
        pa_ipv6_module_v1(
            size: UInt32(MemoryLayout<pa_ipv6_module_v1>.size), reserved: 0,
            changed: { state, token, parameters in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.ipv6/1.changed") {
                    unsafe lane.module.tables.ipv6?.pointee.changed(lane.inner, token, parameters)
                }
            }))

    nonisolated(unsafe) private static let sessions = unsafe constant(
        pa_session_module_v1(
            size: UInt32(MemoryLayout<pa_session_module_v1>.size), reserved: 0,
            opened: { state, token, session, parameters in
                let lane = unsafe CheckedLane.of(state)
                lane.sessions.note(session)
                lane.call("pa.session/1.opened") {
                    unsafe lane.module.tables.session?.pointee.opened(lane.inner, token, session, parameters)
                }
            },
            refused: { state, token, reason, sentence in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.session/1.refused") {
                    unsafe lane.module.tables.session?.pointee.refused(lane.inner, token, reason, sentence)
                }
            },
            transmit: { state, token, batch, count in
                let lane = unsafe CheckedLane.of(state)
                for index in 0..<Int(count) { unsafe lane.lend(batch![index]) }
                lane.call("pa.session/1.transmit", mayNest: true) {
                    unsafe lane.module.tables.session?.pointee.transmit(lane.inner, token, batch, count)
                }
            },
            closed: { state, token, reason, sentence in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.session/1.closed") {
                    unsafe lane.module.tables.session?.pointee.closed(lane.inner, token, reason, sentence)
                }
            }))

    nonisolated(unsafe) private static let timers = unsafe constant(
        pa_timer_module_v1(
            size: UInt32(MemoryLayout<pa_timer_module_v1>.size), reserved: 0,
            expired: { state, token in
                let lane = unsafe CheckedLane.of(state)
                lane.call("pa.timer/1.expired") {
                    unsafe lane.module.tables.timer?.pointee.expired(lane.inner, token)
                }
            }))

    nonisolated(unsafe) private static let peerKeys = unsafe constant(
        pa_psk_module_v1(
            size: UInt32(MemoryLayout<pa_psk_module_v1>.size), reserved: 0,
            changed: { state in
                let module = unsafe CheckedModule.of(state)
                return module.control("pa.psk/1.changed") {
                    unsafe module.tables.psk?.pointee.changed(module.inner.pointee.state) ?? PA_OK
                }
            }))

    nonisolated(unsafe) private static let certificates = unsafe constant(
        pa_certificate_module_v1(
            size: UInt32(MemoryLayout<pa_certificate_module_v1>.size), reserved: 0,
            changed: { state in
                let module = unsafe CheckedModule.of(state)
                return module.control("pa.certificate/1.changed") {
                    unsafe module.tables.certificate?.pointee.changed(module.inner.pointee.state) ?? PA_OK
                }
            }))
}
