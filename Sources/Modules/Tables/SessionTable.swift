import PluginABI
import Sessions
import Synchronization

/// `pa.session/1`, the host's side.
enum SessionTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_session_host_v1(
            size: UInt32(MemoryLayout<pa_session_host_v1>.size), reserved: 0,
            open: { lane, request, token, ticket in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard lane.isOpen, lane.tables.hasSession else { return PA_ERROR_STATE }
                guard let request = unsafe request?.pointee,
                    unsafe request.size == MemoryLayout<pa_session_request_v1>.size,
                    let layer = unsafe SessionRequest.Layer(rawValue: request.layer),
                    unsafe Int(request.headroom) <= HubLane.maxHeadroom,
                    unsafe Int(request.tailroom) <= HubLane.maxTailroom
                else { return PA_ERROR_ARGUMENT }
                let number = unsafe request.identity
                guard let held = lane.identities[number], !held.hasSession else {
                    return lane.refuseHandle()
                }
                // A monitor sees frames, which a client at layer 3 has none of.
                guard layer == .two || !held.identity.isMonitor else { return PA_ERROR_ARGUMENT }
                lane.identities[number] = nil
                guard !lane.hubLane.isFull else { return PA_ERROR_LIMIT }
                guard !lane.instance.isDraining.load(ordering: .relaxed) else { return PA_ERROR_STATE }
                let copied = unsafe SessionRequest(request, layer: layer, identity: held.identity)
                let handle = lane.hubLane.open(copied, for: lane, token: token)
                lane.identities[number] = .init(identity: held.identity, hasSession: true)
                lane.identitiesOfSessions[handle] = number
                unsafe ticket?.pointee = handle
                return PA_OK
            },
            withdraw: { lane, ticket in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                return lane.close(ticket, .client, nil)
            },
            receive: { lane, session, batch, count in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                let batch = unsafe UnsafeMutableBufferPointer(start: batch, count: Int(count))
                return unsafe lane.hubLane.receive(batch, from: session, of: lane)
                    ? PA_OK : lane.refuseHandle()
            },
            update: { lane, session, remote, cipher in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let found = lane.hubLane.session(session, of: lane) else { return lane.refuseHandle() }
                found.update(remote: unsafe remote?.pointee, cipher: unsafe text(cipher))
                return PA_OK
            },
            close: { lane, session, reason, sentence in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let reason = SessionReason(rawValue: reason) else { return PA_ERROR_ARGUMENT }
                return lane.close(session, reason, unsafe text(sentence))
            }))
}

extension ModuleTables {
    fileprivate var hasSession: Bool { unsafe session != nil }
}

extension ModuleLane {
    fileprivate func close(_ handle: UInt64, _ reason: SessionReason, _ sentence: String?) -> pa_status {
        guard let session = hubLane.session(handle, of: self) else { return refuseHandle() }
        hubLane.close(session, reason: reason, sentence: sentence ?? "", tellsOwner: false)
        return PA_OK
    }
}

extension SessionRequest {
    fileprivate init(_ raw: pa_session_request_v1, layer: Layer, identity: Identity) {
        self.init(layer: layer, identity: identity)
        unsafe mtu = UInt16(clamping: raw.mtu)
        unsafe headroom = raw.headroom
        unsafe tailroom = raw.tailroom
        unsafe protocolName = text(raw.protocol) ?? ""
        unsafe cipher = text(raw.cipher) ?? ""
        unsafe software = text(raw.software)
        unsafe hostName = text(raw.host_name)
        unsafe instance = raw.instance.bytes
        unsafe remote = raw.remote
        unsafe wish = raw.wish
    }
}
