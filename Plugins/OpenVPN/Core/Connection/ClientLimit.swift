import Synchronization

/// How many clients may be connected at once, over all lanes of a module. Who is not authenticated takes no
/// place, so that strangers cannot use them up.
public final class ClientLimit: Sendable {
    public let most: Int
    private let taken = Atomic<Int>(0)

    public init(_ most: Int) { self.most = most }

    var isReached: Bool { taken.load(ordering: .relaxed) >= most }

    /// False: there is no place left.
    func take() -> Bool {
        guard taken.add(1, ordering: .relaxed).newValue > most else { return true }
        giveBack()
        return false
    }

    /// For one who is connected already, and comes from another instance.
    func adopt() { taken.add(1, ordering: .relaxed) }

    func giveBack() { taken.subtract(1, ordering: .relaxed) }
}
