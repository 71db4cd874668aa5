import PluginABI
import Sessions

/// `pa.ipv6/1` and `pa.ipv6-link/1`, the host's side.
enum IPv6Table {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_ipv6_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_host_v1>.size), reserved: 0,
            lease: { lane, opening in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let session = lane.hubLane.session(opening, of: lane) else {
                    return lane.refuseHandle()
                }
                return session.startIPv6(.told) ? PA_OK : PA_ERROR_STATE
            },
            link: { lane, session, own, peer in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let session = lane.hubLane.session(session, of: lane) else {
                    return lane.refuseHandle()
                }
                guard own != 0, peer != 0, own != peer else { return PA_ERROR_ARGUMENT }
                return session.joinIPv6Link(own: own, peer: peer) ? PA_OK : PA_ERROR_STATE
            }))

    nonisolated(unsafe) static let links = unsafe constant(
        pa_ipv6_link_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_link_host_v1>.size), reserved: 0,
            expect: { lane, opening in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let session = lane.hubLane.session(opening, of: lane) else {
                    return lane.refuseHandle()
                }
                return session.startIPv6(.link) ? PA_OK : PA_ERROR_STATE
            }))
}
