import PluginABI

/// Datagrams and streams.
extension CheckedHostTables {
    nonisolated(unsafe) static let datagram = unsafe constant(
        pa_datagram_host_v1(
            size: UInt32(MemoryLayout<pa_datagram_host_v1>.size), reserved: 0,
            send: { lane, socket, batch, count in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.datagram/1.send") else {
                    return PA_ERROR_THREAD
                }
                let status = unsafe judge(caller, socket, batch, count, "pa.datagram/1.send")
                guard status == PA_OK else { return status }
                for index in 0..<Int(count) { unsafe caller.noteSent(batch![index].payload) }
                return unsafe DatagramTable.pointer.pointee.send(lane, socket, batch, count)
            },
            send_copy: { lane, socket, batch, count in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.datagram/1.send_copy") else {
                    return PA_ERROR_THREAD
                }
                let status = unsafe judge(caller, socket, batch, count, "pa.datagram/1.send_copy")
                guard status == PA_OK else { return status }
                return unsafe DatagramTable.pointer.pointee.send_copy(lane, socket, batch, count)
            },
            hand_over: { lane, index, socket, datagram in
                guard let caller = unsafe CheckedLane.caller(lane, "pa.datagram/1.hand_over") else {
                    return PA_ERROR_THREAD
                }
                let count: UInt32 = unsafe datagram == nil ? 0 : 1
                let status = unsafe judge(caller, socket, datagram, count, "pa.datagram/1.hand_over")
                guard status == PA_OK else { return status }
                let passed = unsafe DatagramTable.pointer.pointee.hand_over(lane, index, socket, datagram)
                if passed == PA_ERROR_ARGUMENT {
                    caller.broke(.argument, "pa.datagram/1.hand_over", "no lane \(index), or no datagram")
                }
                return passed
            },
            open: { host, url, pinning, socket in
                guard let module = unsafe control(host, "pa.datagram/1.open") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe DatagramTable.pointer.pointee.open(host, url, pinning, socket), module,
                    "pa.datagram/1.open")
            },
            close: { host, socket in
                guard let module = unsafe control(host, "pa.datagram/1.close") else { return PA_ERROR_THREAD }
                return passed(
                    unsafe DatagramTable.pointer.pointee.close(host, socket), module, "pa.datagram/1.close")
            },
            local_address: { host, socket, address in
                guard let module = unsafe control(host, "pa.datagram/1.local_address") else {
                    return PA_ERROR_THREAD
                }
                return passed(
                    unsafe DatagramTable.pointer.pointee.local_address(host, socket, address), module,
                    "pa.datagram/1.local_address")
            }))

    private static func judge(
        _ caller: CheckedLane, _ socket: UInt64, _ batch: UnsafePointer<pa_datagram_v1>?, _ count: UInt32,
        _ call: StaticString
    ) -> pa_status {
        guard caller.lane.seat.datagramPorts[socket] != nil else {
            return caller.refuse(socket, caller.sockets, .useAfterClose, call)
        }
        guard let batch = unsafe batch else {
            guard count > 0 else { return PA_OK }
            caller.broke(.argument, call, "the batch is NULL")
            return PA_ERROR_ARGUMENT
        }
        for index in 0..<Int(count) {
            guard let remote = unsafe batch[index].remote else {
                caller.broke(.argument, call, "datagram \(index) has no remote address")
                return PA_ERROR_ARGUMENT
            }
            let family = Int32(unsafe remote.pointee.family)
            guard family == PA_FAMILY_IPV4 || family == PA_FAMILY_IPV6 else {
                caller.broke(.argument, call, "datagram \(index) goes to an address of family \(family)")
                return PA_ERROR_ARGUMENT
            }
            guard unsafe caller.mayUse(batch[index].payload, withRoom: false, call) else {
                return PA_ERROR_ARGUMENT
            }
        }
        return PA_OK
    }

    nonisolated(unsafe) static let stream = unsafe constant(
        pa_stream_host_v1(
            size: UInt32(MemoryLayout<pa_stream_host_v1>.size), reserved: 0,
            write: { lane, stream, slices, count, queued in
                unsafe write(lane, stream, slices, count, "pa.stream/1.write") {
                    unsafe StreamTable.pointer.pointee.write(lane, stream, slices, count, queued)
                }
            },
            write_copy: { lane, stream, slices, count, queued in
                unsafe write(lane, stream, slices, count, "pa.stream/1.write_copy") {
                    unsafe StreamTable.pointer.pointee.write_copy(lane, stream, slices, count, queued)
                }
            },
            close: { lane, stream, how in
                unsafe about(lane, stream, "pa.stream/1.close") {
                    unsafe StreamTable.pointer.pointee.close(lane, stream, how)
                }
            },
            facts: { lane, stream, facts in
                unsafe about(lane, stream, "pa.stream/1.facts") {
                    unsafe StreamTable.pointer.pointee.facts(lane, stream, facts)
                }
            },
            move: { lane, stream, index, token, rest in
                unsafe about(lane, stream, "pa.stream/1.move") {
                    unsafe StreamTable.pointer.pointee.move(lane, stream, index, token, rest)
                }
            }))

    private static func about(
        _ lane: OpaquePointer?, _ stream: UInt64, _ call: StaticString, _ body: () -> pa_status
    ) -> pa_status {
        guard let caller = unsafe CheckedLane.caller(lane, call) else { return PA_ERROR_THREAD }
        guard caller.lane.streamPorts[stream] != nil else {
            return caller.refuse(stream, caller.streams, .useAfterClose, call)
        }
        let status = body()
        if status == PA_ERROR_ARGUMENT { caller.broke(.argument, call, "an argument is not accepted") }
        return status
    }

    private static func write(
        _ lane: OpaquePointer?, _ stream: UInt64, _ slices: UnsafePointer<pa_slice_v1>?, _ count: UInt32,
        _ call: StaticString, _ body: () -> pa_status
    ) -> pa_status {
        unsafe about(lane, stream, call) {
            guard let caller = unsafe CheckedLane.caller(lane, call) else { return PA_ERROR_THREAD }
            guard let slices = unsafe slices else { return count == 0 ? body() : PA_ERROR_ARGUMENT }
            for index in 0..<Int(count) {
                guard unsafe caller.mayUse(slices[index], withRoom: false, call) else {
                    return PA_ERROR_REFUSED
                }
            }
            return body()
        }
    }
}
