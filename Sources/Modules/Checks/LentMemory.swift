/// What a module may use of the host's memory on one lane, in this turn and no later.
///
/// Pure: addresses are numbers here. Linear scans where a module hands slices over in another order.
struct LentMemory {
    typealias Octets = Range<UInt>

    enum Judgement: Equatable {
        /// Inside of one lent slice with its headroom and tailroom.
        case lent
        /// Not the host's, as far as it knows.
        case own
        /// Begins or ends outside of what was lent.
        case exceeded
        /// Was lent in an earlier turn.
        case expired
    }

    /// What was lent in this turn.
    private(set) var lent: [Octets] = []
    /// What was lent before, sorted, without overlaps.
    private var past: [Octets] = []

    private var lastHit = 0

    private static let maxLent = 65_536
    private static let maxPast = 4096

    mutating func lend(_ octets: Octets) {
        guard !octets.isEmpty, lent.count < Self.maxLent else { return }
        lent.append(octets)
    }

    /// Of a slice that the module hands to the host.
    mutating func judge(_ octets: Octets) -> Judgement {
        guard !octets.isEmpty else { return .own }
        for step in lent.indices {
            // A module mostly hands over what it was lent in the same order.
            let index = (lastHit + 1 + step) % lent.count
            guard lent[index].lowerBound <= octets.lowerBound, octets.upperBound <= lent[index].upperBound
            else { continue }
            lastHit = index
            return .lent
        }
        if lent.contains(where: { $0.overlaps(octets) }) { return .exceeded }
        let next = firstPast(endingAfter: octets.lowerBound)
        return next < past.count && past[next].overlaps(octets) ? .expired : .own
    }

    /// The turn is over; everything that was lent has expired.
    mutating func expire() {
        for octets in lent { remember(octets) }
        lent.removeAll(keepingCapacity: true)
    }

    private mutating func remember(_ octets: Octets) {
        var (lower, upper) = (octets.lowerBound, octets.upperBound)
        let first = firstPast(endingAfter: lower == 0 ? 0 : lower - 1)
        var end = first
        while end < past.count, past[end].lowerBound <= upper {
            lower = min(lower, past[end].lowerBound)
            upper = max(upper, past[end].upperBound)
            end += 1
        }
        past.replaceSubrange(first..<end, with: [lower..<upper])
        if past.count > Self.maxPast { past.removeFirst() }
    }

    /// The first remembered range whose end lies behind `address`.
    private func firstPast(endingAfter address: UInt) -> Int {
        var (low, high) = (0, past.count)
        while low < high {
            let middle = (low + high) / 2
            if past[middle].upperBound > address { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
