import PluginABI

/// `pa.permission/1`, the host's side.
enum PermissionTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_permission_host_v1(
            size: UInt32(MemoryLayout<pa_permission_host_v1>.size), reserved: 0,
            ask: { lane, identity, kind, remote, protocolName in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let held = lane.identities[identity] else { return lane.refuseHandle() }
                guard !held.hasSession else { return PA_ERROR_STATE }
                switch kind {
                case PA_PERMISSION_BRIDGE where held.identity.policy.mayBridge: return PA_OK
                case PA_PERMISSION_MONITOR where held.identity.policy.mayMonitor:
                    lane.identities[identity]?.identity.isMonitor = true
                    return PA_OK
                default: break
                }
                lane.instance.services.refused(
                    held.identity, remote: unsafe remote?.pointee ?? pa_address_v1(),
                    protocolName: unsafe text(protocolName) ?? lane.instance.name, why: sentence(kind))
                return PA_ERROR_REFUSED
            }))

    private static func sentence(_ kind: UInt32) -> String {
        switch kind {
        case PA_PERMISSION_BRIDGE: "policy: may not be a bridge"
        case PA_PERMISSION_MONITOR: "policy: may not be a monitor"
        default: "policy: unknown permission \(kind)"
        }
    }
}
