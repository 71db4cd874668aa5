/// Things with names that are never used twice, found by their place in an array.
struct SlotTable<Value> {
    private var values: [(id: SlotID, value: Value)?] = []
    private var free: [Int] = []
    private var generation: UInt32 = 0

    var count: Int { values.count - free.count }
    var all: [Value] { values.compactMap { $0?.value } }

    mutating func insert(_ make: (SlotID) -> Value) -> Value {
        let index = free.popLast() ?? values.count
        if index == values.count { values.append(nil) }
        generation &+= 1
        let id = SlotID(generation: generation, index: index)
        let value = make(id)
        values[index] = (id, value)
        return value
    }

    mutating func remove(_ id: SlotID) {
        guard self[id] != nil else { return }
        values[id.index] = nil
        free.append(id.index)
    }

    /// Nil when it is gone.
    subscript(id: SlotID) -> Value? {
        guard values.indices.contains(id.index), let found = values[id.index], found.id == id else {
            return nil
        }
        return found.value
    }
}

/// Names a peer, or a call, for as long as the process lives. The low part is its place in the table.
struct SlotID: Hashable, Sendable {
    static let indexBits: UInt64 = 30

    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(generation: UInt32, index: Int) {
        rawValue = UInt64(generation) << Self.indexBits | UInt64(index)
    }

    /// Used again when its holder is gone.
    var index: Int { Int(rawValue & (1 << Self.indexBits - 1)) }
}
