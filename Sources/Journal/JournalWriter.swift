import Foundation

/// The journal's thread: takes all that waits, and writes it with one call for each log.
struct JournalWriter {
    static let maximumOpenFiles = 64
    static let maximumFollowers = 64
    /// Lines that wait for one who follows.
    static let maximumFollowed = 4096

    private let directory: String
    private let format: LineFormat
    private let limits: Journal.Limits
    private let now: @Sendable () -> Date
    private var files: [Journal.Log: LogFile] = [:]
    private var pending: [Journal.Log: [String]] = [:]
    private var followers: [(log: Journal.Log, lines: AsyncStream<String>.Continuation)] = []
    private var reportedDrops: UInt64 = 0

    init(directory: String, format: LineFormat, limits: Journal.Limits, now: @escaping @Sendable () -> Date) {
        self.directory = directory
        self.format = format
        self.limits = limits
        self.now = now
    }

    mutating func run(_ queue: JournalQueue) {
        while let entries = queue.takeAll() {
            for entry in entries { handle(entry, queue) }
            reportDrops(queue)
            write(queue)
        }
        for file in files.values { file.close() }
        for follower in followers { follower.lines.finish() }
    }

    private mutating func handle(_ entry: JournalQueue.Entry, _ queue: JournalQueue) {
        switch entry {
        case .event(let event, let log):
            pending[log, default: []].append(format.line(event))
        case .tail(let log, let count, let follower, let answer):
            write(queue)
            answer(withFile(log) { $0.last(count) } ?? [])
            if let follower { add(follower, to: log) }
        case .mark(let isWritten):
            write(queue)
            isWritten()
        }
    }

    private mutating func reportDrops(_ queue: JournalQueue) {
        let dropped = queue.dropped
        guard dropped > reportedDrops else { return }
        let event = Event("journal", level: .warning, time: now()).with("dropped", dropped - reportedDrops)
        reportedDrops = dropped
        pending[.server, default: []].append(format.line(event))
    }

    private mutating func write(_ queue: JournalQueue) {
        let now = now()
        for (log, lines) in pending {
            let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            let isWritten = withFile(log) { $0.append(bytes, now: now) } ?? false
            if !isWritten {
                queue.lost(lines.count)
                // Opened anew the next time: it may have lost its descriptor when a part was closed.
                files.removeValue(forKey: log)?.close()
            }
            for follower in followers where follower.log == log {
                for line in lines { follower.lines.yield(line) }
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// The oldest follower makes room for one too many.
    private mutating func add(_ follower: AsyncStream<String>.Continuation, to log: Journal.Log) {
        if followers.count >= Self.maximumFollowers { followers.removeFirst().lines.finish() }
        followers.append((log, follower))
    }

    /// nil if there is no opening it.
    private mutating func withFile<Result>(_ log: Journal.Log, _ body: (inout LogFile) -> Result) -> Result? {
        if files[log] == nil {
            if files.count >= Self.maximumOpenFiles {
                for file in files.values { file.close() }
                files.removeAll()
            }
            files[log] = LogFile(path: directory + "/" + log.path, limits: limits, now: now())
        }
        return files[log].map { file in
            var file = file
            defer { files[log] = file }
            return body(&file)
        }
    }
}
