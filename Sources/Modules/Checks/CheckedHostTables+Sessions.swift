import PluginABI

/// Questions about identity, and sessions.
extension CheckedHostTables {
    nonisolated(unsafe) static let auth = unsafe constant(
        pa_auth_host_v1(
            size: UInt32(MemoryLayout<pa_auth_host_v1>.size), reserved: 0,
            ask: { lane, evidence, token, ticket in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.auth/1.ask") else {
                    return PA_ERROR_THREAD
                }
                let call: StaticString = "pa.auth/1.ask"
                guard caller.canBeAnswered(call) else { return PA_ERROR_STATE }
                guard unsafe caller.accepts(evidence, call) else { return PA_ERROR_ARGUMENT }
                let known = unsafe evidence?.pointee.continues ?? 0
                guard known == 0 || caller.lane.identities[known] != nil else {
                    return caller.refuse(known, caller.identities, .useAfterClose, call)
                }
                let status = unsafe AuthTable.pointer.pointee.ask(lane, evidence, token, ticket)
                if status == PA_ERROR_ARGUMENT {
                    caller.broke(.argument, call, "the evidence is of no known kind, or too long")
                }
                if status == PA_OK, let given = unsafe ticket?.pointee { caller.tickets.note(given) }
                return status
            },
            withdraw: { lane, ticket in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.auth/1.withdraw") else {
                    return PA_ERROR_THREAD
                }
                guard caller.lane.questions[ticket] != nil else {
                    return caller.refuse(ticket, caller.tickets, .ticketTwice, "pa.auth/1.withdraw")
                }
                return unsafe AuthTable.pointer.pointee.withdraw(lane, ticket)
            },
            release: { lane, identity in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.auth/1.release") else { return }
                // One that opened a session has ended with it, which a module need not keep in mind.
                guard caller.lane.identities[identity] != nil || caller.identities.contains(identity) else {
                    _ = caller.refuse(identity, caller.identities, .identityTwice, "pa.auth/1.release")
                    return
                }
                unsafe AuthTable.pointer.pointee.release(lane, identity)
            }))

    nonisolated(unsafe) static let password = unsafe constant(
        pa_password_host_v1(
            size: UInt32(MemoryLayout<pa_password_host_v1>.size), reserved: 0,
            change: { lane, evidence, password, token, ticket in
                let call: StaticString = "pa.password/1.change"
                guard let caller = unsafe CheckedLane.caller(lane, call) else { return PA_ERROR_THREAD }
                guard caller.canBeAnswered(call) else { return PA_ERROR_STATE }
                guard unsafe caller.accepts(evidence, call) else { return PA_ERROR_ARGUMENT }
                let status = unsafe PasswordTable.pointer.pointee.change(
                    lane, evidence, password, token, ticket)
                if status == PA_ERROR_ARGUMENT {
                    caller.broke(.argument, call, "the evidence or the new password cannot be")
                }
                if status == PA_OK, let given = unsafe ticket?.pointee { caller.tickets.note(given) }
                return status
            }))

    nonisolated(unsafe) static let permission = unsafe constant(
        pa_permission_host_v1(
            size: UInt32(MemoryLayout<pa_permission_host_v1>.size), reserved: 0,
            ask: { lane, identity, kind, remote, protocolName in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.permission/1.ask") else {
                    return PA_ERROR_THREAD
                }
                guard caller.lane.identities[identity] != nil else {
                    return caller.refuse(identity, caller.identities, .useAfterClose, "pa.permission/1.ask")
                }
                return unsafe PermissionTable.pointer.pointee.ask(lane, identity, kind, remote, protocolName)
            }))

    nonisolated(unsafe) static let session = unsafe constant(
        pa_session_host_v1(
            size: UInt32(MemoryLayout<pa_session_host_v1>.size), reserved: 0,
            open: { lane, request, token, ticket in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.session/1.open") else {
                    return PA_ERROR_THREAD
                }
                let judged = unsafe caller.judge(request)
                guard judged == PA_OK else { return judged }
                let status = unsafe SessionTable.pointer.pointee.open(lane, request, token, ticket)
                if status == PA_ERROR_ARGUMENT {
                    caller.broke(
                        .argument, "pa.session/1.open", "layer, headroom or tailroom is not accepted")
                }
                if status == PA_OK, let given = unsafe ticket?.pointee {
                    caller.tickets.note(given)
                    caller.sessions.note(given)
                }
                return status
            },
            withdraw: { lane, ticket in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.session/1.withdraw") else {
                    return PA_ERROR_THREAD
                }
                guard caller.isOpen(ticket) else {
                    return caller.refuse(ticket, caller.tickets, .ticketTwice, "pa.session/1.withdraw")
                }
                return unsafe SessionTable.pointer.pointee.withdraw(lane, ticket)
            },
            receive: { lane, session, batch, count in
                unsafe about(lane, session, "pa.session/1.receive") { caller in
                    guard let slices = unsafe batch else { return count == 0 ? PA_OK : PA_ERROR_ARGUMENT }
                    for index in 0..<Int(count) {
                        guard unsafe caller.mayUse(slices[index], withRoom: true, "pa.session/1.receive")
                        else {
                            return PA_ERROR_ARGUMENT
                        }
                    }
                    return unsafe SessionTable.pointer.pointee.receive(lane, session, batch, count)
                }
            },
            update: { lane, session, remote, cipher in
                unsafe about(lane, session, "pa.session/1.update") { _ in
                    unsafe SessionTable.pointer.pointee.update(lane, session, remote, cipher)
                }
            },
            close: { lane, session, reason, sentence in
                unsafe about(lane, session, "pa.session/1.close") { caller in
                    let status = unsafe SessionTable.pointer.pointee.close(lane, session, reason, sentence)
                    if status == PA_ERROR_ARGUMENT {
                        caller.broke(.argument, "pa.session/1.close", "\(reason) is no PA_REASON_*")
                    }
                    return status
                }
            }))

    nonisolated(unsafe) static let ipv6 = unsafe constant(
        pa_ipv6_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_host_v1>.size), reserved: 0,
            lease: { lane, opening in
                unsafe wish(lane, opening, "pa.ipv6/1.lease") {
                    unsafe IPv6Table.pointer.pointee.lease(lane, opening)
                }
            },
            link: { lane, session, own, peer in
                unsafe about(lane, session, "pa.ipv6/1.link") { caller in
                    let status = unsafe IPv6Table.pointer.pointee.link(lane, session, own, peer)
                    if status == PA_ERROR_ARGUMENT {
                        caller.broke(.argument, "pa.ipv6/1.link", "an identifier is 0, or both are equal")
                    }
                    return status
                }
            }))

    nonisolated(unsafe) static let ipv6Link = unsafe constant(
        pa_ipv6_link_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_link_host_v1>.size), reserved: 0,
            expect: { lane, opening in
                unsafe wish(lane, opening, "pa.ipv6-link/1.expect") {
                    unsafe IPv6Table.links.pointee.expect(lane, opening)
                }
            }))

    /// What is said of IPv6 while a session is being opened.
    private static func wish(
        _ lane: OpaquePointer?, _ opening: UInt64, _ call: StaticString, _ body: () -> pa_status
    ) -> pa_status {
        guard let caller = unsafe CheckedLane.caller(lane, call) else { return PA_ERROR_THREAD }
        guard caller.isOpen(opening) else {
            return caller.refuse(opening, caller.tickets, .ticketTwice, call)
        }
        guard caller.hasIPv6 else {
            caller.broke(.undeclared, call, "the module has no \(PA_IPV6) to be answered at")
            return PA_ERROR_STATE
        }
        let status = body()
        if status == PA_ERROR_STATE {
            caller.broke(.argument, call, "not in the call that opened a layer-3 session")
        }
        return status
    }

    private static func about(
        _ lane: OpaquePointer?, _ session: UInt64, _ call: StaticString, _ body: (CheckedLane) -> pa_status
    ) -> pa_status {
        guard let caller = unsafe CheckedLane.caller(lane, call) else { return PA_ERROR_THREAD }
        guard caller.isOpen(session) else {
            return caller.refuse(session, caller.sessions, .useAfterClose, call)
        }
        return body(caller)
    }
}

extension CheckedLane {
    fileprivate var hasIPv6: Bool { unsafe module.tables.ipv6 != nil }

    fileprivate func isOpen(_ session: UInt64) -> Bool { lane.hubLane.session(session, of: lane) != nil }

    fileprivate func canBeAnswered(_ call: StaticString) -> Bool {
        if unsafe module.tables.auth != nil { return true }
        broke(.undeclared, call, "the module has no \(PA_AUTH) to be answered at")
        return false
    }

    fileprivate func accepts(_ evidence: UnsafePointer<pa_evidence_v1>?, _ call: StaticString) -> Bool {
        guard let evidence = unsafe evidence?.pointee else {
            broke(.argument, call, "the evidence is NULL")
            return false
        }
        guard unsafe evidence.size == MemoryLayout<pa_evidence_v1>.size else {
            broke(.structSize, call, "pa_evidence_v1 says \(unsafe evidence.size) octets")
            return false
        }
        let octets = unsafe [evidence.name, evidence.secret, evidence.challenge, evidence.certificate]
        guard unsafe octets.allSatisfy({ unsafe $0.start != nil || $0.length == 0 }) else {
            broke(.argument, call, "octets begin at NULL")
            return false
        }
        return true
    }

    fileprivate func judge(_ request: UnsafePointer<pa_session_request_v1>?) -> pa_status {
        guard let request = unsafe request?.pointee else {
            broke(.argument, "pa.session/1.open", "the request is NULL")
            return PA_ERROR_ARGUMENT
        }
        guard unsafe request.size == MemoryLayout<pa_session_request_v1>.size else {
            broke(
                .structSize, "pa.session/1.open", "pa_session_request_v1 says \(unsafe request.size) octets")
            return PA_ERROR_ARGUMENT
        }
        guard unsafe module.tables.session != nil else {
            broke(.undeclared, "pa.session/1.open", "the module has no \(PA_SESSION) to be answered at")
            return PA_ERROR_STATE
        }
        guard unsafe lane.identities[request.identity]?.hasSession == false else {
            return unsafe refuse(request.identity, identities, .identityTwice, "pa.session/1.open")
        }
        return PA_OK
    }
}
