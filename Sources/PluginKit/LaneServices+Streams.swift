internal import PluginABI

/// What is known about a stream.
public struct StreamFacts: Sendable {
    public var isTLS: Bool
    public var remote: Endpoint
    public var local: Endpoint
    /// "TLSv1.3"; nil without TLS.
    public var tlsVersion: String?
    public var tlsCipher: String?
    /// What the client asked for (SNI).
    public var serverName: String?
    /// DER of the certificate that the host presented.
    public var presentedCertificate: [UInt8]
    /// DER of the client's, verified or not; empty without one.
    public var peerCertificate: [UInt8]
}

/// What a write to a stream came to.
public struct WriteResult: Sendable {
    /// `Status.limit` took nothing: the queue is full.
    public var status: Status
    /// Octets that now wait to be taken by the kernel.
    public var queued: Int
}

extension LaneServices {
    /// Queues frames in order. They stay untouched until the turn ends.
    @discardableResult
    public func write(_ frames: borrowing FrameBatch, to handle: StreamHandle) -> WriteResult {
        guard let stream = unsafe tables.stream else { return WriteResult(status: .unsupported, queued: 0) }
        var queued = 0
        let status = unsafe stream.pointee.write(
            lane, handle.rawValue, frames.start, UInt32(frames.count), &queued)
        return WriteResult(status: Status(rawValue: status), queued: queued)
    }

    /// The same for frames that were gathered, all or none. They stay in the queue, for another stream if
    /// this one is full.
    @discardableResult
    public func write(_ frames: borrowing FrameQueue, to handle: StreamHandle) -> WriteResult {
        write(unsafe FrameBatch(start: frames.start, count: frames.count), to: handle)
    }

    /// Queues a copy of `octets`.
    @discardableResult
    public func write(copying octets: [UInt8], to handle: StreamHandle) -> WriteResult {
        guard let stream = unsafe tables.stream else { return WriteResult(status: .unsupported, queued: 0) }
        var queued = 0
        let status = unsafe withLentSlice(octets) { slice in
            var slices = unsafe slice
            return unsafe stream.pointee.write_copy(lane, handle.rawValue, &slices, 1, &queued)
        }
        return WriteResult(status: Status(rawValue: status), queued: queued)
    }

    /// Ends it: `flush` or `reset`. `closed` is not called for it any more.
    public func close(_ handle: StreamHandle, _ how: StreamEnding = .flush) {
        guard let stream = unsafe tables.stream else { return }
        _ = unsafe stream.pointee.close(lane, handle.rawValue, how.rawValue)
    }

    /// Moves it to another lane, where `opened` is called with a new handle and `token`, and where `rest` is
    /// received again in front of what follows. The old handle is void.
    public func move(_ handle: StreamHandle, toLane index: Int, token: UInt64, rest: [UInt8] = [])
        throws(Status)
    {
        guard let stream = unsafe tables.stream else { throw .unsupported }
        let memory = CMemory()
        let status = unsafe stream.pointee.move(
            lane, handle.rawValue, UInt32(index), token, memory.octets(rest))
        withExtendedLifetime(memory) {}
        try Status(rawValue: status).check()
    }

    public func facts(of handle: StreamHandle) throws(Status) -> StreamFacts {
        guard let stream = unsafe tables.stream else { throw .unsupported }
        var facts = unsafe pa_stream_facts_v1()
        unsafe facts.size = UInt32(MemoryLayout<pa_stream_facts_v1>.size)
        try Status(rawValue: unsafe stream.pointee.facts(lane, handle.rawValue, &facts)).check()
        guard let remote = unsafe Endpoint(facts.remote), let local = unsafe Endpoint(facts.local) else {
            throw .handle
        }
        return unsafe StreamFacts(
            isTLS: facts.is_tls != 0, remote: remote, local: local,
            tlsVersion: String(lent: facts.tls_version),
            tlsCipher: String(lent: facts.tls_cipher), serverName: String(lent: facts.server_name),
            presentedCertificate: Array(lent: facts.presented_certificate),
            peerCertificate: Array(lent: facts.peer_certificate))
    }
}
