import Lanes
import PluginABI

/// `pa.datagram/1`, the host's side.
enum DatagramTable {
    /// What UDP can carry over IPv4.
    private static let maxOctets = 65_507

    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_datagram_host_v1(
            size: UInt32(MemoryLayout<pa_datagram_host_v1>.size), reserved: 0,
            send: { lane, socket, batch, count in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.seat.datagramPorts[socket] else { return lane.refuseHandle() }
                unsafe port.socket.send(UnsafeBufferPointer(start: batch, count: Int(count)))
                return PA_OK
            },
            send_copy: { lane, socket, batch, count in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.seat.datagramPorts[socket] else { return lane.refuseHandle() }
                guard let batch = unsafe batch else { return PA_ERROR_ARGUMENT }
                for index in 0..<Int(count) {
                    var datagram = unsafe batch[index]
                    guard unsafe datagram.payload.length <= maxOctets else { return PA_ERROR_ARGUMENT }
                    guard let copy = unsafe lane.lane.copy(datagram.payload) else { return PA_ERROR_LIMIT }
                    unsafe datagram.payload = copy
                    unsafe port.socket.send(datagram)
                }
                return PA_OK
            },
            hand_over: { lane, index, socket, datagram in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.seat.datagramPorts[socket] else { return lane.refuseHandle() }
                guard let datagram = unsafe datagram, Int(index) < lane.instance.lanes.count else {
                    return PA_ERROR_ARGUMENT
                }
                if let remote = unsafe datagram.pointee.remote {
                    port.socket.handOver(from: Endpoint(unsafe remote.pointee), toLane: Int(index))
                }
                let crossing = lane.seat.crossing(to: lane.instance.seats[Int(index)])
                return unsafe crossing.push(datagram.pointee, from: socket) ? PA_OK : PA_ERROR_LIMIT
            },
            open: { host, url, pinning, socket in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let url = unsafe text(url).flatMap(ListenURL.init), [.udp, .ip].contains(url.scheme)
                else {
                    return PA_ERROR_ARGUMENT
                }
                guard instance.hasEnteredLanes else { return PA_ERROR_STATE }
                do throws(ModuleFault) {
                    let listener = try ModuleListener(url, of: instance, pinning: pinning)
                    instance.listeners.append(listener)
                    unsafe socket?.pointee = listener.handle
                    return PA_OK
                } catch {
                    instance.explain(error.description)
                    return PA_ERROR_SYSTEM
                }
            },
            close: { host, socket in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let index = instance.listeners.firstIndex(where: { $0.handle == socket }) else {
                    return PA_ERROR_HANDLE
                }
                instance.listeners.remove(at: index).close()
                return PA_OK
            },
            local_address: { host, socket, address in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let listener = instance.listeners.first(where: { $0.handle == socket }) else {
                    return PA_ERROR_HANDLE
                }
                unsafe address?.pointee = listener.local.address
                return PA_OK
            }))
}

extension ModuleLane {
    /// Counts a call with a handle that is not this module's.
    func refuseHandle() -> pa_status {
        refusedCalls += 1
        return PA_ERROR_HANDLE
    }
}
