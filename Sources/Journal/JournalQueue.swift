import Foundation
import Synchronization

/// What waits for the journal's thread.
final class JournalQueue: Sendable {
    /// Events that wait to be written; of the other entries there is one for each caller that waits.
    static let maximumWaiting = 16_384

    enum Entry: Sendable {
        case event(Event, Journal.Log)
        /// The last lines go to the closure, further ones to the follower.
        case tail(Journal.Log, Int, AsyncStream<String>.Continuation?, @Sendable ([String]) -> Void)
        /// Called when all that came before it is written.
        case mark(@Sendable () -> Void)
    }

    private struct State {
        var entries: [Entry] = []
        var dropped: UInt64 = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let filled = DispatchSemaphore(value: 0)

    var dropped: UInt64 { state.withLock { $0.dropped } }

    func push(_ event: Event, _ log: Journal.Log) {
        let wasEmpty = state.withLock { state in
            guard !state.isStopped, state.entries.count < Self.maximumWaiting else {
                state.dropped += 1
                return false
            }
            state.entries.append(.event(event, log))
            return state.entries.count == 1
        }
        if wasEmpty { filled.signal() }
    }

    /// false if the journal is stopped.
    func push(_ entry: Entry) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isStopped else { return false }
            state.entries.append(entry)
            return true
        }
        if isTaken { filled.signal() }
        return isTaken
    }

    /// That some could not be written.
    func lost(_ events: Int) { state.withLock { $0.dropped += UInt64(events) } }

    func stop() {
        state.withLock { $0.isStopped = true }
        filled.signal()
    }

    /// Waits until there is something. nil when the journal is stopped and nothing is left.
    func takeAll() -> [Entry]? {
        while true {
            filled.wait()
            let (entries, isStopped) = state.withLock { state in
                defer { state.entries.removeAll(keepingCapacity: state.entries.count < 1024) }
                return (state.entries, state.isStopped)
            }
            if !entries.isEmpty {
                // So that the next wait finds the end.
                if isStopped { filled.signal() }
                return entries
            }
            if isStopped { return nil }
        }
    }
}
