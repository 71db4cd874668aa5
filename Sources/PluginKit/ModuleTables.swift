internal import PluginABI

/// The tables of C functions by which the host calls a Swift module.
enum ModuleTables {
    static func module(_ state: UnsafeMutableRawPointer) -> pa_module_v1 {
        unsafe pa_module_v1(
            size: UInt32(MemoryLayout<pa_module_v1>.size), reserved: 0, state: state,
            capability: { state, id in
                guard let id = unsafe String(lent: id) else { return nil }
                return unsafe ModuleInstance.with(state) { unsafe $0.capability(id) }
            },
            start: { state in unsafe ModuleInstance.with(state) { $0.start() } },
            enter_lane: { state, lane, index, count, laneState in
                guard let lane = unsafe lane, let laneState = unsafe laneState else {
                    return PA_ERROR_ARGUMENT
                }
                return unsafe ModuleInstance.with(state) { module in
                    module.host.explaining {
                        let made = try unsafe LaneInstance(
                            module, lane: lane, index: Int(index), of: Int(count))
                        unsafe laneState.pointee = Unmanaged.passRetained(made).toOpaque()
                    }
                }
            },
            close_lane: { state in unsafe LaneInstance.with(state) { $0.close() } },
            leave_lane: { state in
                unsafe Unmanaged<LaneInstance>.fromOpaque(state.unsafelyUnwrapped).release()
            },
            stop: { state in unsafe ModuleInstance.with(state) { $0.adapter.stop() } },
            destroy: { state in
                unsafe Unmanaged<ModuleInstance>.fromOpaque(state.unsafelyUnwrapped).release()
            })
    }

    static let optionsChanged: @convention(c) (UnsafeMutableRawPointer?) -> pa_status = { state in
        unsafe ModuleInstance.with(state) { module in
            module.host.explaining { try module.adapter.optionsChanged() }
        }
    }

    nonisolated(unsafe) static let certificate = unsafe constant(
        pa_certificate_module_v1(
            size: UInt32(MemoryLayout<pa_certificate_module_v1>.size), reserved: 0,
            changed: { state in
                unsafe ModuleInstance.with(state) { module in
                    module.host.explaining { try module.adapter.certificateChanged() }
                }
            }))

    nonisolated(unsafe) static let preSharedKeys = unsafe constant(
        pa_psk_module_v1(
            size: UInt32(MemoryLayout<pa_psk_module_v1>.size), reserved: 0,
            changed: { state in
                unsafe ModuleInstance.with(state) { module in
                    module.host.explaining { try module.adapter.preSharedKeysChanged() }
                }
            }))

    nonisolated(unsafe) static let datagram = unsafe constant(
        pa_datagram_module_v1(
            size: UInt32(MemoryLayout<pa_datagram_module_v1>.size), reserved: 0,
            pinning: { state, url in
                let url = unsafe String(lent: url) ?? ""
                return unsafe ModuleInstance.with(state) { $0.adapter.pinning(of: url).rawValue }
            },
            listening: { state, socket, local in
                guard let local = unsafe local, let endpoint = unsafe Endpoint(local.pointee) else { return }
                unsafe LaneInstance.with(state) {
                    $0.listening(on: SocketHandle(rawValue: socket), at: endpoint)
                }
            },
            received: { state, socket, batch, count in
                guard let batch = unsafe batch else { return }
                unsafe LaneInstance.with(state) {
                    unsafe $0.received(
                        DatagramBatch(start: batch, count: Int(count)), on: SocketHandle(rawValue: socket))
                }
            }))

    nonisolated(unsafe) static let timer = unsafe constant(
        pa_timer_module_v1(
            size: UInt32(MemoryLayout<pa_timer_module_v1>.size), reserved: 0,
            expired: { state, token in unsafe LaneInstance.with(state) { $0.expired(timer: token) } }))

    nonisolated(unsafe) static let auth = unsafe constant(
        pa_auth_module_v1(
            size: UInt32(MemoryLayout<pa_auth_module_v1>.size), reserved: 0,
            decided: { state, token, verdict in
                guard let verdict = unsafe verdict else { return }
                let answer = unsafe Verdict(verdict.pointee)
                unsafe LaneInstance.with(state) { $0.decided(question: token, answer) }
            }))
}

// MARK: - Streams and sessions

extension ModuleTables {
    nonisolated(unsafe) static let stream = unsafe constant(
        pa_stream_module_v1(
            size: UInt32(MemoryLayout<pa_stream_module_v1>.size), reserved: 0,
            claim: { state, first, count in
                let octets = unsafe UnsafeRawBufferPointer(start: first, count: count)
                return unsafe LaneInstance.with(state) { unsafe $0.claim(octets.bytes).rawValue }
            },
            opened: { state, stream, moved in
                unsafe LaneInstance.with(state) { $0.opened(StreamHandle(rawValue: stream), moved: moved) }
            },
            received: { state, token, octets in
                unsafe LaneInstance.with(state) {
                    unsafe $0.received(PacketSlice(raw: octets), onStream: token)
                }
            },
            writable: { state, token, queued in
                unsafe LaneInstance.with(state) { $0.writable(stream: token, queued: queued) }
            },
            closed: { state, token, how in
                let ending = StreamEnding(rawValue: how) ?? .failed
                unsafe LaneInstance.with(state) { $0.closed(stream: token, ending) }
            }))

    nonisolated(unsafe) static let session = unsafe constant(
        pa_session_module_v1(
            size: UInt32(MemoryLayout<pa_session_module_v1>.size), reserved: 0,
            opened: { state, token, session, parameters in
                let parameters = unsafe parameters.flatMap { unsafe SessionParameters($0.pointee) }
                unsafe LaneInstance.with(state) {
                    $0.opened(session: token, SessionHandle(rawValue: session), parameters)
                }
            },
            refused: { state, token, reason, sentence in
                let sentence = unsafe String(lent: sentence)
                unsafe LaneInstance.with(state) {
                    $0.refused(session: token, SessionReason(rawValue: reason), sentence)
                }
            },
            transmit: { state, token, batch, count in
                guard let batch = unsafe batch else { return }
                unsafe LaneInstance.with(state) {
                    unsafe $0.transmit(FrameBatch(start: batch, count: Int(count)), toSession: token)
                }
            },
            closed: { state, token, reason, sentence in
                let sentence = unsafe String(lent: sentence)
                unsafe LaneInstance.with(state) {
                    $0.closed(session: token, SessionReason(rawValue: reason), sentence)
                }
            }))

    nonisolated(unsafe) static let ipv6 = unsafe constant(
        pa_ipv6_module_v1(
            size: UInt32(MemoryLayout<pa_ipv6_module_v1>.size), reserved: 0,
            changed: { state, token, parameters in
                let parameters = unsafe parameters.map { unsafe IPv6Parameters($0.pointee) }
                unsafe LaneInstance.with(state) { $0.changed(session: token, ipv6: parameters) }
            }))

    static func handover(_ versions: ClosedRange<UInt32>) -> pa_handover_module_v1 {
        unsafe pa_handover_module_v1(
            size: UInt32(MemoryLayout<pa_handover_module_v1>.size), newest: versions.upperBound,
            oldest: versions.lowerBound, reserved: 0,
            export_lane: { state, sink, context in
                guard let sink = unsafe sink else { return PA_ERROR_ARGUMENT }
                unsafe LaneInstance.export(state, to: sink, context)
                return PA_OK
            },
            import: { state, record in
                guard let record = unsafe record else { return PA_ERROR_ARGUMENT }
                var taken = unsafe HandoverRecord(record.pointee)
                return unsafe LaneInstance.with(state) { lane in
                    do throws(Status) {
                        try lane.importConnection(&taken)
                        unsafe taken.returnTokens(to: record.pointee)
                        return PA_OK
                    } catch { return error.rawValue }
                }
            },
            import_ended: { state in unsafe LaneInstance.with(state) { $0.importEnded() } },
            owns: { state, socket, datagram in
                guard let datagram = unsafe datagram?.pointee, let remote = unsafe datagram.remote else {
                    return 0
                }
                let packet = unsafe PacketSlice(raw: datagram.payload)
                let endpoint = unsafe Endpoint(raw: remote.pointee)
                let local = unsafe datagram.local.flatMap { unsafe Endpoint($0.pointee) }
                return unsafe LaneInstance.with(state) {
                    $0.owns(packet, from: endpoint, to: local, on: SocketHandle(rawValue: socket)) ? 1 : 0
                }
            },
            remaining: { state in
                unsafe LaneInstance.with(state) { UInt32(clamping: $0.remainingConnections) }
            })
    }
}
