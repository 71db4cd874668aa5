internal import PluginABI

extension LaneServices {
    /// Queues datagrams as they stand: to their `remote`, from their `local`. The payloads stay untouched
    /// until the turn ends.
    @discardableResult
    public func send(_ batch: DatagramBatch, on socket: SocketHandle) -> Status {
        guard let datagram = unsafe tables.datagram else { return .unsupported }
        return Status(
            rawValue: unsafe datagram.pointee.send(lane, socket.rawValue, batch.start, UInt32(batch.count)))
    }

    /// Queues `frames` as datagrams to one peer, from the address that it talks to. The payloads stay
    /// untouched until the turn ends.
    @discardableResult
    public func send(
        _ frames: borrowing FrameBatch, to remote: Endpoint, from local: Endpoint?, on socket: SocketHandle
    ) -> Status {
        guard let datagram = unsafe tables.datagram else { return .unsupported }
        return unsafe withAddresses(remote, local) { remote, local in
            var status = Status.ok
            var next = 0
            while next < frames.count {
                let count = min(frames.count - next, Self.datagramsPerCall)
                for index in 0..<count {
                    unsafe scratch[index] = pa_datagram_v1(
                        payload: frames.start[next + index], remote: remote, local: local)
                }
                let answer = unsafe datagram.pointee.send(lane, socket.rawValue, scratch, UInt32(count))
                if answer != PA_OK { status = Status(rawValue: answer) }
                next += count
            }
            return status
        }
    }

    /// Queues a copy of `octets`, at most 65507, as one datagram.
    @discardableResult
    public func send(
        copying octets: [UInt8], to remote: Endpoint, from local: Endpoint?, on socket: SocketHandle
    ) -> Status {
        guard let datagram = unsafe tables.datagram else { return .unsupported }
        return unsafe withLentSlice(octets) { slice in
            unsafe withAddresses(remote, local) { remote, local in
                var datagrams = unsafe pa_datagram_v1(payload: slice, remote: remote, local: local)
                return Status(
                    rawValue: unsafe datagram.pointee.send_copy(lane, socket.rawValue, &datagrams, 1))
            }
        }
    }

    /// Gives datagram `index` of a batch to another lane, where `received` is called with a copy of it.
    @discardableResult
    public func handOver(
        _ index: Int, of batch: DatagramBatch, toLane lane: Int, on socket: SocketHandle
    ) -> Status {
        guard let datagram = unsafe tables.datagram else { return .unsupported }
        precondition(index >= 0 && index < batch.count, "datagram outside of its batch")
        return Status(
            rawValue: unsafe datagram.pointee.hand_over(
                self.lane, UInt32(lane), socket.rawValue, batch.start + index))
    }

    private func withAddresses(
        _ remote: Endpoint, _ local: Endpoint?,
        _ body: (UnsafePointer<pa_address_v1>, UnsafePointer<pa_address_v1>?) -> Status
    ) -> Status {
        unsafe withUnsafePointer(to: remote.raw) { remote in
            guard let local else { return unsafe body(remote, nil) }
            return unsafe withUnsafePointer(to: local.raw) { unsafe body(remote, $0) }
        }
    }

    /// For functions that copy: the cast away from const is never written through.
    func withLentSlice<R>(_ octets: [UInt8], _ body: (pa_slice_v1) -> R) -> R {
        unsafe octets.withUnsafeBufferPointer { octets in
            unsafe body(
                pa_slice_v1(
                    start: UnsafeMutablePointer(mutating: octets.baseAddress), length: UInt32(octets.count),
                    headroom: 0, tailroom: 0))
        }
    }
}
