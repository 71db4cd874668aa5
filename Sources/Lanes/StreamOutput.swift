import CLinux
import PluginABI

/// What a stream has to send: octets of earlier turns, which were copied, and then slices of this turn.
@safe struct StreamOutput: ~Copyable {
    private var kept = ByteQueue()
    private var slices: UnsafeMutablePointer<pa_slice_v1>?
    private var count = 0
    private var lent = 0

    private static let capacity = Int(CLINUX_STREAM_SLICES)

    init() { unsafe slices = nil }

    deinit { unsafe slices?.deallocate() }

    var octets: Int { kept.count + lent }
    var isFull: Bool { count == StreamOutput.capacity }

    mutating func append(_ slice: pa_slice_v1) {
        guard unsafe slice.length > 0 else { return }
        if unsafe slices == nil { unsafe slices = .allocate(capacity: StreamOutput.capacity) }
        unsafe slices![count] = slice
        count += 1
        lent += Int(unsafe slice.length)
    }

    /// Sends what the transport takes and copies the rest; nil, or what hindered it.
    mutating func send(over transport: StreamTransport, scratch: UnsafeMutablePointer<UInt8>) -> Transfer? {
        var hindrance = unsafe sendKept(over: transport, scratch: scratch)
        var next = 0
        while hindrance == nil, next < count {
            let rest = unsafe UnsafeBufferPointer(start: slices! + next, count: count - next)
            switch unsafe transport.write(rest, scratch: scratch) {
            case .moved(let taken): next = skip(taken, from: next)
            case let other: hindrance = other
            }
        }
        for position in next..<count { unsafe keep(slices![position]) }
        count = 0
        lent = 0
        return hindrance
    }

    private mutating func sendKept(
        over transport: StreamTransport, scratch: UnsafeMutablePointer<UInt8>
    ) -> Transfer? {
        while !kept.isEmpty {
            let octets = unsafe kept.octets
            let slice = unsafe pa_slice_v1(
                start: octets.baseAddress, length: UInt32(octets.count), headroom: 0, tailroom: 0)
            let transfer = unsafe withUnsafePointer(to: slice) {
                unsafe transport.write(UnsafeBufferPointer(start: $0, count: 1), scratch: scratch)
            }
            guard case .moved(let taken) = transfer else { return transfer }
            kept.removeFirst(taken)
        }
        return nil
    }

    /// The first slice that is not sent; what was sent of it is cut off.
    private mutating func skip(_ octets: Int, from first: Int) -> Int {
        var left = octets
        var position = first
        while position < count, left >= Int(unsafe slices![position].length) {
            left -= Int(unsafe slices![position].length)
            position += 1
        }
        if left > 0, position < count {
            unsafe slices![position].start += left
            unsafe slices![position].length -= UInt32(left)
        }
        return position
    }

    private mutating func keep(_ slice: pa_slice_v1) { unsafe kept.append(slice.start, Int(slice.length)) }
}
