public import Wire

/// Gets the timers that it scheduled.
public protocol TimerTarget: AnyObject {
    /// [lane] A timer of this target is due. It is gone; schedule another to repeat it.
    func timerFired(_ token: UInt64, at now: Instant)
}

/// Names one scheduled timer. A timer that fired or was cancelled leaves a name that means nothing.
public struct TimerID: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    /// The same as a number, for handles across the ABI. Never zero.
    public var bits: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
    public init(bits: UInt64) {
        slot = UInt32(truncatingIfNeeded: bits)
        generation = UInt32(truncatingIfNeeded: bits >> 32)
    }
    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// The timers of a lane: a heap of four children per node, so that 100,000 timers are nine levels deep.
/// Equal deadlines fire in the order of their scheduling. Memory grows to the most timers ever pending.
struct TimerHeap {
    private struct Entry {
        var deadline: UInt64
        var order: UInt64
        var slot: UInt32

        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    private struct Slot {
        var target: (any TimerTarget)?
        var token: UInt64
        var position: Int
        var generation: UInt32
    }

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private var order: UInt64 = 0

    var count: Int { heap.count }
    var next: UInt64? { heap.first?.deadline }

    mutating func schedule(at deadline: UInt64, target: any TimerTarget, token: UInt64) -> TimerID {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot(target: nil, token: 0, position: -1, generation: 1))
        }
        slots[Int(slot)].target = target
        slots[Int(slot)].token = token
        order &+= 1
        heap.append(Entry(deadline: deadline, order: order, slot: slot))
        rise(from: heap.count - 1)
        return TimerID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// False when the timer had fired, or was cancelled before.
    @discardableResult
    mutating func cancel(_ id: TimerID) -> Bool {
        let slot = Int(id.slot)
        guard slot < slots.count, slots[slot].generation == id.generation, slots[slot].position >= 0 else {
            return false
        }
        remove(at: slots[slot].position)
        return true
    }

    /// Takes the first timer that is due.
    mutating func popDue(at now: UInt64) -> (target: any TimerTarget, token: UInt64)? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        let slot = Int(first.slot)
        guard let target = slots[slot].target else { return nil }
        let token = slots[slot].token
        remove(at: 0)
        return (target, token)
    }

    private mutating func remove(at position: Int) {
        let slot = Int(heap[position].slot)
        slots[slot].target = nil
        slots[slot].position = -1
        slots[slot].generation = slots[slot].generation == .max ? 1 : slots[slot].generation + 1
        free.append(UInt32(slot))
        let last = heap.removeLast()
        guard position < heap.count else { return }
        heap[position] = last
        rise(from: position)
        sink(from: slots[Int(last.slot)].position)
    }

    private mutating func rise(from start: Int) {
        var at = start
        let entry = heap[at]
        while at > 0 {
            let parent = (at - 1) / 4
            guard entry.isBefore(heap[parent]) else { break }
            place(heap[parent], at: at)
            at = parent
        }
        place(entry, at: at)
    }

    private mutating func sink(from start: Int) {
        var at = start
        let entry = heap[at]
        while true {
            let first = at * 4 + 1
            guard first < heap.count else { break }
            var least = first
            for child in first..<min(first + 4, heap.count) where heap[child].isBefore(heap[least]) {
                least = child
            }
            guard heap[least].isBefore(entry) else { break }
            place(heap[least], at: at)
            at = least
        }
        place(entry, at: at)
    }

    private mutating func place(_ entry: Entry, at position: Int) {
        heap[position] = entry
        slots[Int(entry.slot)].position = position
    }
}
