import Lanes
import PluginABI

/// `pa.stream/1`, the host's side.
enum StreamTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_stream_host_v1(
            size: UInt32(MemoryLayout<pa_stream_host_v1>.size), reserved: 0,
            write: { lane, stream, slices, count, queued in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.streamPorts[stream] else { return lane.refuseHandle() }
                let isTaken = unsafe port.stream.write(UnsafeBufferPointer(start: slices, count: Int(count)))
                unsafe queued?.pointee = port.stream.queuedOctets
                return isTaken ? PA_OK : PA_ERROR_LIMIT
            },
            write_copy: { lane, stream, slices, count, queued in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.streamPorts[stream] else { return lane.refuseHandle() }
                guard let slices = unsafe slices else { return PA_ERROR_ARGUMENT }
                let batch = unsafe UnsafeBufferPointer(start: slices, count: Int(count))
                let joined = unsafe lane.join(batch)
                let isTaken = unsafe joined.map { unsafe port.stream.write($0) } ?? false
                if unsafe joined == nil { port.stream.announceNextRoom() }
                unsafe queued?.pointee = port.stream.queuedOctets
                return isTaken ? PA_OK : PA_ERROR_LIMIT
            },
            close: { lane, stream, how in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.streamPorts[stream] else { return lane.refuseHandle() }
                guard how == PA_STREAM_FLUSH || how == PA_STREAM_RESET else { return PA_ERROR_ARGUMENT }
                port.close(resets: how == PA_STREAM_RESET)
                return PA_OK
            },
            facts: { lane, stream, facts in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.streamPorts[stream] else { return lane.refuseHandle() }
                guard let facts = unsafe facts,
                    unsafe facts.pointee.size == MemoryLayout<pa_stream_facts_v1>.size
                else {
                    return PA_ERROR_ARGUMENT
                }
                unsafe lane.show(port.stream, in: facts)
                return PA_OK
            },
            move: { lane, stream, index, token, rest in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let port = lane.streamPorts[stream] else { return lane.refuseHandle() }
                guard Int(index) < lane.instance.lanes.count else { return PA_ERROR_ARGUMENT }
                port.move(to: lane.instance.lanes[Int(index)], token: token, rest: unsafe rest.bytes)
                return PA_OK
            }))
}

extension ModuleLane {
    /// A copy of all slices in one piece, so that a message is written as a whole or not at all.
    fileprivate func join(_ slices: UnsafeBufferPointer<pa_slice_v1>) -> pa_slice_v1? {
        var total = 0
        for index in slices.indices { total += Int(unsafe slices[index].length) }
        guard let joined = unsafe lane.allocate(total) else { return nil }
        var filled = 0
        for index in slices.indices {
            let slice = unsafe slices[index]
            guard unsafe slice.length > 0 else { continue }
            unsafe (joined.start + filled).update(from: slice.start, count: Int(slice.length))
            filled += Int(unsafe slice.length)
        }
        return unsafe joined
    }

    /// Texts and octets stay until the next call about facts on this lane, which is longer than they are
    /// lent.
    fileprivate func show(_ stream: ByteStream, in facts: UnsafeMutablePointer<pa_stream_facts_v1>) {
        unsafe facts.pointee = pa_stream_facts_v1()
        unsafe facts.pointee.size = UInt32(MemoryLayout<pa_stream_facts_v1>.size)
        unsafe facts.pointee.remote = stream.remote.address
        unsafe facts.pointee.local = stream.local.address
        guard let tls = stream.tls else { return }
        let texts = [CText(tls.version), CText(tls.cipher)] + (tls.serverName.map { [CText($0)] } ?? [])
        let octets = [LentOctets(tls.certificate)]
        shownTexts = texts
        shownOctets = octets
        unsafe facts.pointee.is_tls = 1
        unsafe facts.pointee.tls_version = UnsafePointer(texts[0].start)
        unsafe facts.pointee.tls_cipher = UnsafePointer(texts[1].start)
        unsafe facts.pointee.server_name = texts.count > 2 ? UnsafePointer(texts[2].start) : nil
        unsafe facts.pointee.presented_certificate = octets[0].octets
    }
}
