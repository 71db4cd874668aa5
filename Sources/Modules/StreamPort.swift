import Lanes
import PluginABI

/// A stream that a module has claimed, on its lane.
final class StreamPort: StreamHandler {
    let handle: UInt64
    let stream: ByteStream
    private var owner: ModuleLane
    private var token: UInt64 = 0
    private var closedByModule = false
    private var finishedByPeer = false

    /// [lane] Tells the module. `movedToken`: what the module gave when it moved the stream here, else 0.
    init(_ stream: ByteStream, on owner: ModuleLane, movedToken: UInt64) {
        self.stream = stream
        self.owner = owner
        handle = owner.nextNumber()
        owner.streamPorts[handle] = self
        guard owner.isOpen, owner.isSeated, let table = unsafe owner.tables.stream else {
            close(resets: true)
            return
        }
        token = unsafe table.pointee.opened(owner.state, handle, movedToken)
    }

    /// [lane] It goes on in another instance of the module, which knows it by another token.
    func change(owner: ModuleLane, token: UInt64) {
        self.owner = owner
        self.token = token
        owner.streamPorts[handle] = self
    }

    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int {
        guard !closedByModule, owner.isOpen, let table = unsafe owner.tables.stream else {
            return Int(unsafe octets.length)
        }
        let taken = unsafe table.pointee.received(owner.state, token, octets)
        return min(taken, Int(unsafe octets.length))
    }

    func finished(_ stream: ByteStream) {
        finishedByPeer = true
        stream.close()
    }

    func writable(_ stream: ByteStream) {
        guard !closedByModule, owner.isOpen, let table = unsafe owner.tables.stream else { return }
        unsafe table.pointee.writable(owner.state, token, stream.queuedOctets)
    }

    func ended(_ stream: ByteStream, _ reason: StreamEnd) {
        owner.streamPorts[handle] = nil
        guard !closedByModule, owner.isOpen, let table = unsafe owner.tables.stream else { return }
        unsafe table.pointee.closed(owner.state, token, finishedByPeer ? PA_STREAM_REMOTE : PA_STREAM_FAILED)
    }

    /// [lane] The module, or the host for it, ends the stream; the module hears nothing more of it.
    func close(resets: Bool) {
        guard !closedByModule else { return }
        closedByModule = true
        owner.streamPorts[handle] = nil
        if resets { stream.reset() } else { stream.close() }
    }

    /// [lane] Gives the stream to the same module's part on another lane, which receives `rest` in front of
    /// what follows. A token means nothing to another instance: where this one has left, the stream ends.
    func move(to other: ModuleLane, token: UInt64, rest: [UInt8]) {
        closedByModule = true
        owner.streamPorts[handle] = nil
        stream.move(to: other.lane, rest: rest) {
            StreamPort($0, on: other, movedToken: token)
        }
    }
}
