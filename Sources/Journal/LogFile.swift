import Foundation

/// One log and its older parts: `server.log`, and `server.log.2026-11-22.1` and so on, of which a bounded
/// number is kept. A part is closed when it is full and when the day (UTC) is over. Only the journal's writer
/// touches it.
struct LogFile {
    private let path: String
    private let limits: Journal.Limits
    private var descriptor: Int32 = -1
    private var size = 0
    private var day = ""

    /// Opens or makes the file; nil, with `errno` set, if that fails.
    init?(path: String, limits: Journal.Limits, now: Date) {
        self.path = path
        self.limits = limits
        guard open(now) else { return nil }
    }

    func close() { _ = Foundation.close(descriptor) }

    /// false if they cannot be written, in whole or in part.
    mutating func append(_ bytes: [UInt8], now: Date) -> Bool {
        if size > 0, size + bytes.count > limits.bytes || day != Self.day(now) {
            guard rotate(now) else { return false }
        }
        let written = unsafe write(descriptor, bytes, bytes.count)
        size += max(0, written)
        return written == bytes.count
    }

    /// The last lines that are in it or in the newest older part.
    func last(_ count: Int) -> [String] {
        var lines = Self.lastLines(of: path, count)
        if lines.count < count, let previous = parts().last {
            lines = Self.lastLines(of: directory + "/" + previous.name, count - lines.count) + lines
        }
        return lines
    }

    private mutating func open(_ now: Date) -> Bool {
        descriptor = unsafe Foundation.open(
            path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        var status = stat()
        let result = unsafe fstat(descriptor, &status)
        size = result == 0 ? Int(status.st_size) : 0
        day = Self.day(size > 0 ? Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec)) : now)
        return true
    }

    private mutating func rotate(_ now: Date) -> Bool {
        var older = parts()
        let number = (older.last { $0.day == day }?.number ?? 0) + 1
        let part = Part(day: day, number: number, prefix: name + ".")
        guard unsafe rename(path, directory + "/" + part.name) == 0 else { return false }
        close()
        older.append(part)
        for old in older.dropLast(limits.parts) { _ = unsafe unlink(directory + "/" + old.name) }
        return open(now)
    }

    private struct Part {
        let day: String
        let number: Int
        let name: String

        init(day: String, number: Int, prefix: String) {
            (self.day, self.number, name) = (day, number, "\(prefix)\(day).\(number)")
        }

        /// nil for what is another log's.
        init?(_ name: String, prefix: String) {
            guard name.hasPrefix(prefix) else { return nil }
            let rest = name.dropFirst(prefix.count)
            guard rest.utf8.count > 11, let number = Int(rest.dropFirst(11)), number > 0 else { return nil }
            self.init(day: String(rest.prefix(10)), number: number, prefix: prefix)
            guard self.name == name, day.utf8.allSatisfy({ (0x2d...0x39).contains($0) }) else { return nil }
        }
    }

    private var directory: String { (path as NSString).deletingLastPathComponent }
    private var name: String { (path as NSString).lastPathComponent }

    /// From the oldest to the newest.
    private func parts() -> [Part] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.compactMap { Part($0, prefix: name + ".") }.sorted {
            ($0.day, $0.number) < ($1.day, $1.number)
        }
    }

    private static func day(_ time: Date) -> String { String(LineFormat.text(time).prefix(10)) }

    private static func lastLines(of path: String, _ count: Int) -> [String] {
        guard let file = FileHandle(forReadingAtPath: path), var start = try? file.seekToEnd() else {
            return []
        }
        let block: UInt64 = 64 << 10
        var tail = Data()
        var ends = 0
        while start > 0, ends <= count {
            let length = min(block, start)
            start -= length
            guard (try? file.seek(toOffset: start)) != nil, let read = try? file.read(upToCount: Int(length))
            else {
                return []
            }
            ends += read.count { $0 == 0x0a }
            tail = read + tail
        }
        let lines = tail.split(separator: 0x0a)
        return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
    }
}
