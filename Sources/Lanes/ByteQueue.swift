import PluginABI

/// Octets that wait: appended at the end, taken from the front, always contiguous.
/// Who uses it bounds its count. Small memory is kept for the next time, large memory is not.
@safe struct ByteQueue: ~Copyable {
    private var memory: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var first = 0
    private(set) var count = 0

    private static let kept = 4096

    init() { unsafe memory = nil }

    deinit { unsafe memory?.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// The octets, until the queue is next changed.
    var octets: UnsafeMutableBufferPointer<UInt8> {
        guard let memory = unsafe memory else {
            return unsafe UnsafeMutableBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeMutableBufferPointer(start: memory + first, count: count)
    }

    mutating func append(_ start: UnsafePointer<UInt8>, _ length: Int) {
        guard length > 0 else { return }
        makeRoom(length)
        unsafe (memory! + first + count).update(from: start, count: length)
        count += length
    }

    /// Puts octets in front of those that wait.
    mutating func prepend(_ octets: [UInt8]) {
        guard !octets.isEmpty else { return }
        var joined = ByteQueue()
        unsafe octets.withUnsafeBufferPointer { unsafe joined.append($0.baseAddress!, $0.count) }
        if count > 0 { unsafe joined.append(memory! + first, count) }
        self = joined
    }

    mutating func removeFirst(_ length: Int) {
        count -= length
        first += length
        if count == 0 { removeAll() }
    }

    mutating func removeAll() {
        first = 0
        count = 0
        guard capacity > ByteQueue.kept else { return }
        unsafe memory?.deallocate()
        unsafe memory = nil
        capacity = 0
    }

    private mutating func makeRoom(_ length: Int) {
        guard first + count + length > capacity else { return }
        let needed = count + length
        // Moving is cheap only while what was taken is more than what stays.
        if needed <= capacity, first >= count, let memory = unsafe memory {
            unsafe memory.update(from: memory + first, count: count)
        } else {
            let grown = max(ByteQueue.kept, needed, capacity * 2)
            let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
            if let memory = unsafe memory {
                unsafe moved.update(from: memory + first, count: count)
                unsafe memory.deallocate()
            }
            unsafe memory = moved
            capacity = grown
        }
        first = 0
    }
}
