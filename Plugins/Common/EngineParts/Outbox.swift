/// Outputs in order, until they are drained.
public struct Outbox<Output: Sendable>: Sendable {
    private var outputs: [Output] = []
    private var first = 0

    public init() {}

    public mutating func append(_ output: Output) { outputs.append(output) }

    public mutating func next() -> Output? {
        guard first < outputs.count else { return nil }
        let output = outputs[first]
        first += 1
        if first == outputs.count {
            outputs.removeAll(keepingCapacity: true)
            first = 0
        }
        return output
    }
}
