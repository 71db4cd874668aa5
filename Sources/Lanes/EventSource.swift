/// Something a lane waits for: a socket, a stream, a device. Confined to its lane once it is attached.
public class EventSource {
    /// Where the lane's table keeps it; -1 before it is attached and after it is closed.
    final var slot = -1
    /// It has output for the end of the turn.
    final var isDirty = false

    init() {}

    /// [lane] One batch at most, so that the others get their turn.
    func ready(_ readiness: Readiness) {}
    /// [lane] The turn ends: sends what was queued.
    func flush() {}
    /// [lane] The turn in which it was closed is over: gives back its descriptors.
    func retire() {}
    /// [lane] The lane stops; there is no further call.
    func laneStops() { retire() }
}

/// What the kernel reported about a source.
struct Readiness: OptionSet {
    let rawValue: UInt32
    static let readable = Readiness(rawValue: 1)
    static let writable = Readiness(rawValue: 2)
    static let hangup = Readiness(rawValue: 4)
}

/// Hears where turns begin and end, to check what modules do with memory that was lent to them.
public protocol TurnWatch: AnyObject {
    /// [lane] Nothing of the last turn's memory has been filled again yet.
    func turnBegins(on lane: Lane)
    /// [lane] Everything has left: nothing of this turn's memory is needed any more.
    func turnIsOver(on lane: Lane)
}

/// Gets a call at the end of every turn of a lane, before its sockets send.
public protocol TurnObserver: AnyObject {
    /// [lane] Last chance to queue output that may point into this turn's buffers.
    func turnEnds(on lane: Lane)
}
