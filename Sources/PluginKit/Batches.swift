public import PluginABI

/// Datagrams that have arrived together, lent by the host, to be changed in place.
@safe public struct DatagramBatch: ~Escapable {
    @usableFromInline let start: UnsafeMutablePointer<pa_datagram_v1>
    public let count: Int

    @_lifetime(immortal)
    init(start: UnsafeMutablePointer<pa_datagram_v1>, count: Int) {
        unsafe self.start = start
        self.count = count
    }

    @inlinable public subscript(index: Int) -> PacketSlice {
        get {
            precondition(index >= 0 && index < count, "datagram outside of its batch")
            return unsafe PacketSlice(raw: start[index].payload)
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "datagram outside of its batch")
            unsafe start[index].payload = newValue.raw
        }
    }

    /// Who sent it.
    @inlinable public func remote(at index: Int) -> Endpoint {
        precondition(index >= 0 && index < count, "datagram outside of its batch")
        return unsafe Endpoint(raw: start[index].remote.pointee)
    }

    /// The address that it was sent to; nil where the host does not know.
    @inlinable public func local(at index: Int) -> Endpoint? {
        precondition(index >= 0 && index < count, "datagram outside of its batch")
        guard let local = unsafe start[index].local else { return nil }
        return unsafe Endpoint(local.pointee)
    }
}

/// Frames or packets of one session, lent, to be changed in place.
@safe public struct FrameBatch: ~Escapable {
    @usableFromInline let start: UnsafeMutablePointer<pa_slice_v1>
    public private(set) var count: Int

    @_lifetime(immortal)
    init(start: UnsafeMutablePointer<pa_slice_v1>, count: Int) {
        unsafe self.start = start
        self.count = count
    }

    @inlinable public subscript(index: Int) -> PacketSlice {
        get {
            precondition(index >= 0 && index < count, "frame outside of its batch")
            return unsafe PacketSlice(raw: start[index])
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "frame outside of its batch")
            unsafe start[index] = newValue.raw
        }
    }

    /// Forgets all frames behind the first `count`.
    @_lifetime(self: copy self)
    public mutating func shorten(to count: Int) {
        precondition(count >= 0 && count <= self.count, "a batch does not grow")
        self.count = count
    }
}

/// Frames of one session on their way to `LaneServices.receive`, gathered while a batch is worked through.
@safe public struct FrameQueue: ~Copyable {
    @usableFromInline let start: UnsafeMutablePointer<pa_slice_v1>
    public let capacity: Int
    @usableFromInline var filled = 0

    public init(capacity: Int = 256) {
        unsafe start = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { unsafe start.deallocate() }

    @inlinable public var count: Int { filled }
    @inlinable public var isFull: Bool { filled == capacity }

    /// The queue must not be full.
    @inlinable public mutating func append(_ frame: PacketSlice) {
        precondition(filled < capacity, "frame queue is full")
        unsafe start[filled] = frame.raw
        filled += 1
    }

    @inlinable public mutating func removeAll() { filled = 0 }
}
