public import Foundation

/// The server's log and a security log for each hub, in a directory of their own. Whoever records something
/// only puts it into a queue; a thread of the journal's writes it. When the queue is full, events are dropped
/// and counted, and the server's log says how many.
public final class Journal: Sendable {
    public enum Log: Hashable, Sendable {
        case server
        /// The caller has made sure that there is such a hub: what a stranger asks for would fill the
        /// directory.
        case security(hub: String)
    }

    /// When a log begins a new part, and how many older parts are kept.
    public struct Limits: Sendable {
        public var bytes: Int
        public var parts: Int

        public init(bytes: Int = 64 << 20, parts: Int = 30) {
            self.bytes = bytes
            self.parts = parts
        }
    }

    private let queue = JournalQueue()

    /// Makes the directory if it is not there; only the owner may read what is in it.
    public init(
        directory: String, format: LineFormat = .logfmt, limits: Limits = Limits(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        for path in [directory, directory + "/security"] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let thread = Thread { [queue] in
            var writer = JournalWriter(directory: directory, format: format, limits: limits, now: now)
            writer.run(queue)
        }
        thread.name = "journal"
        thread.start()
    }

    deinit { queue.stop() }

    /// [any thread] Never waits for the disk.
    public func record(_ event: Event, in log: Log = .server) { queue.push(event, log) }

    /// Events that were dropped since the start.
    public var dropped: UInt64 { queue.dropped }

    /// The last lines of a log, and if they are to be followed, each line that is written after them. Who
    /// follows too slowly misses lines.
    public func tail(
        _ log: Log, lines: Int, following: Bool = false
    ) async -> (lines: [String], following: AsyncStream<String>?) {
        guard following else { return (await last(lines, of: log, nil), nil) }
        let (stream, follower) = AsyncStream<String>.makeStream(
            bufferingPolicy: .bufferingNewest(JournalWriter.maximumFollowed))
        return (await last(lines, of: log, follower), stream)
    }

    /// Returns when everything that was recorded before is written.
    public func flush() {
        let written = DispatchSemaphore(value: 0)
        guard queue.push(.mark { written.signal() }) else { return }
        written.wait()
    }

    /// Writes what waits, closes the files and ends all followers. What is recorded afterwards is dropped.
    public func stop() {
        flush()
        queue.stop()
    }

    private func last(
        _ count: Int, of log: Log, _ follower: AsyncStream<String>.Continuation?
    ) async -> [String] {
        await withCheckedContinuation { answer in
            let isTaken = queue.push(.tail(log, count, follower) { answer.resume(returning: $0) })
            guard isTaken else {
                follower?.finish()
                return answer.resume(returning: [])
            }
        }
    }
}

extension Journal.Log {
    /// Relative to the journal's directory. What could mean something in a path is written as %XX.
    var path: String {
        guard case .security(let hub) = self else { return "server.log" }
        let name = hub.utf8.prefix(80).enumerated().map { index, byte in
            Self.isSafe(byte, first: index == 0)
                ? String(Unicode.Scalar(byte)) : "%" + String(Int(byte) + 0x100, radix: 16).suffix(2)
        }
        return "security/" + name.joined() + ".log"
    }

    private static func isSafe(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case UInt8(ascii: "."): !first
        default: false
        }
    }
}
