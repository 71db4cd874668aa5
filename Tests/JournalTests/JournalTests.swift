import Foundation
import Synchronization
import Testing

@testable import Journal

@Suite struct LineFormatTests {
    private let event = Event(
        "connected", session: "S7", time: Date(timeIntervalSince1970: 1_700_000_000.25)
    )
    .with("user", "alice smith").with("from", "192.0.2.1:1194").with("lane", 3).with("first", .truth(true))
    .with("duration", .duration(.milliseconds(61_005))).with("client", nil).with("note", "")

    @Test func `logfmt has the session first and quotes what needs it`() {
        #expect(
            LineFormat.logfmt.line(event)
                == "time=2023-11-14T22:13:20.250Z level=info category=connected session=S7 "
                + "user=\"alice smith\" from=192.0.2.1:1194 lane=3 first=true duration=61.005")
    }

    @Test func `JSON has the same members in the same order`() throws {
        let line = LineFormat.json.line(event)
        #expect(
            line
                == #"{"time":"2023-11-14T22:13:20.250Z","level":"info","category":"connected","#
                + #""session":"S7","#
                + #""user":"alice smith","from":"192.0.2.1:1194","lane":3,"first":true,"duration":61.005}"#)
        #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
    }

    @Test(arguments: [
        ("plain", "plain"), ("a=b", "\"a=b\""), ("a\"b", #""a\"b""#), ("a\\b", #""a\\b""#),
        ("a\nb", #""a\nb""#),
        ("\u{1b}[31m", #""\u001b[31m""#), ("a\u{202e}b", #""a\u202eb""#), ("ä", "\"ä\""),
        ("\u{2028}", #""\u2028""#),
        ("level=error user=root", "\"level=error user=root\""),
    ])
    func `no value can break out of its line or its quotes`(text: String, expected: String) {
        let line = LineFormat.logfmt.line(Event("x").with("v", .text(text)))
        #expect(line.hasSuffix(" v=" + expected))
        let json = LineFormat.json.line(Event("x").with("v", .text(text)))
        let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        #expect(object?["v"] as? String == text)
    }

    @Test func `a long text is cut`() {
        let line = LineFormat.logfmt.line(Event("x").with("v", .text(String(repeating: "ä", count: 5000))))
        #expect(line.utf8.count < Event.maximumText + 200)
        #expect(line.hasSuffix("ä…\""))
    }
}

@Suite final class JournalTests: Sendable {
    let directory = NSTemporaryDirectory() + "polyhub-journal-" + UUID().uuidString
    let time = Mutex(Date(timeIntervalSince1970: 1_700_000_000))

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func open(
        format: LineFormat = .logfmt, limits: Journal.Limits = Journal.Limits()
    ) throws -> Journal {
        try Journal(directory: directory, format: format, limits: limits) { self.time.withLock { $0 } }
    }

    private func names(_ path: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/" + path).sorted()
    }

    private func categories(_ name: String) throws -> [Substring] {
        try String(contentsOfFile: directory + "/" + name, encoding: .utf8).split(separator: "\n").map {
            line in
            line.split(separator: " ")[2].dropFirst("category=".count)
        }
    }

    @Test func `each log is a file that only the owner may read`() throws {
        let journal = try open()
        journal.record(Event("started"))
        journal.record(Event("connected"), in: .security(hub: "Office"))
        journal.stop()
        #expect(try categories("server.log") == ["started"])
        #expect(try categories("security/Office.log") == ["connected"])
        for (name, mode) in [
            ("", 0o700), ("security", 0o700), ("server.log", 0o600), ("security/Office.log", 0o600),
        ] {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
        }
    }

    @Test(arguments: ["../../etc/passwd", "..", ".", "", "a/b", "a\u{0}b", "ä", ".hidden", "%2e", "x~1"])
    func `no hub's name leads out of the directory`(hub: String) throws {
        let journal = try open()
        journal.record(Event("x"), in: .security(hub: hub))
        journal.stop()
        let found = try names("security")
        #expect(found.count == 1)
        #expect(found[0].hasSuffix(".log") && !found[0].contains("/"))
        #expect(try names() == ["security"])
    }

    @Test func `different hubs have different files`() {
        let hubs = ["a", "A", "a.b", "%61", "a%", "ä", "a b"]
        #expect(Set(hubs.map { Journal.Log.security(hub: $0).path }).count == hubs.count)
    }

    @Test func `a full part is put aside, and the oldest is deleted`() throws {
        let journal = try open(limits: Journal.Limits(bytes: 200, parts: 3))
        for index in 0..<20 {
            journal.record(Event("e").with("index", index).with("text", String(repeating: "x", count: 100)))
            journal.flush()
        }
        journal.stop()
        let day = "server.log.2023-11-14."
        #expect(try names() == ["security", "server.log", day + "17", day + "18", day + "19"])
        #expect(try String(contentsOfFile: directory + "/server.log", encoding: .utf8).contains("index=19"))
    }

    @Test func `a day that is over is put aside, also one from before a restart`() throws {
        let journal = try open()
        journal.record(Event("monday"))
        journal.flush()
        time.withLock { $0 += 86_400 }
        journal.record(Event("tuesday"))
        journal.stop()
        #expect(try categories("server.log.2023-11-14.1") == ["monday"])
        #expect(try categories("server.log") == ["tuesday"])
        let modified = Date(timeIntervalSince1970: 1_700_086_400)
        try FileManager.default.setAttributes(
            [.modificationDate: modified], ofItemAtPath: directory + "/server.log")
        time.withLock { $0 += 86_400 }
        let next = try open()
        next.record(Event("wednesday"))
        next.stop()
        #expect(try categories("server.log.2023-11-15.1") == ["tuesday"])
        #expect(try categories("server.log") == ["wednesday"])
    }

    @Test func `parts of one log are not taken for parts of another`() throws {
        let limits = Journal.Limits(bytes: 1, parts: 1)
        let journal = try open(limits: limits)
        let other = "a.log.2023-11-14.1"
        journal.record(Event("kept"), in: .security(hub: other))
        for _ in 0..<5 {
            journal.record(Event("x"), in: .security(hub: "a"))
            journal.flush()
        }
        journal.stop()
        #expect(try names("security") == ["a.log", "a.log.2023-11-14.1.log", "a.log.2023-11-14.4"])
    }

    @Test func `the last lines are told, also when a new part has just begun`() async throws {
        let journal = try open()
        for index in 0..<5000 { journal.record(Event("e").with("index", index)) }
        let (last, _) = await journal.tail(.server, lines: 3)
        #expect(last.map { $0.suffix(10) } == ["index=4997", "index=4998", "index=4999"])
        time.withLock { $0 += 86_400 }
        journal.record(Event("new"))
        let (lines, _) = await journal.tail(.server, lines: 2)
        #expect(lines.count == 2 && lines[0].hasSuffix("index=4999") && lines[1].hasSuffix("category=new"))
        #expect(await journal.tail(.security(hub: "none"), lines: 2).lines.isEmpty)
        #expect(await journal.tail(.server, lines: 0).lines.isEmpty)
        #expect(await journal.tail(.server, lines: 10_000).lines.count == 5001)
        journal.stop()
        #expect(await journal.tail(.server, lines: 2).lines.isEmpty)
    }

    @Test func `who follows gets each line once, and the end`() async throws {
        let journal = try open()
        journal.record(Event("before"))
        let (last, following) = await journal.tail(.server, lines: 10, following: true)
        journal.record(Event("after"))
        journal.record(Event("elsewhere"), in: .security(hub: "a"))
        journal.stop()
        var lines: [String] = []
        for await line in try #require(following) { lines.append(line) }
        #expect(last.count == 1 && last[0].contains("before"))
        #expect(lines.count == 1 && lines[0].contains("after"))
    }

    @Test func `what is too much is dropped, counted and told`() throws {
        let queue = JournalQueue()
        for _ in 0..<JournalQueue.maximumWaiting + 7 { queue.push(Event("e"), .server) }
        #expect(queue.dropped == 7)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        queue.stop()
        var writer = JournalWriter(
            directory: directory, format: .logfmt, limits: Journal.Limits(),
            now: { Date(timeIntervalSince1970: 0) })
        writer.run(queue)
        let text = try String(contentsOfFile: directory + "/server.log", encoding: .utf8)
        #expect(text.hasSuffix("level=warning category=journal dropped=7\n"))
        #expect(text.utf8.count { $0 == 0x0a } == JournalQueue.maximumWaiting + 1)
    }

    @Test func `many threads at once lose nothing`() async throws {
        let journal = try open()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<500 { journal.record(Event("e").with("n", task * 500 + index)) }
                }
            }
        }
        journal.stop()
        #expect(try categories("server.log").count == 4000)
        #expect(journal.dropped == 0)
    }

    @Test func `the kinds of the security log`() throws {
        let journal = try open()
        let log = Journal.Log.security(hub: "H")
        journal.record(
            .connected(
                session: "S1", user: "alice", from: "192.0.2.1:5", module: "openvpn", cipher: "AES-256-GCM",
                client: nil),
            in: log)
        journal.record(
            .addressLent(session: "S1", address: "10.0.0.2", mac: "02:00:00:00:00:01", lease: .seconds(60)),
            in: log)
        journal.record(
            .refused(user: "bob", from: "192.0.2.1:6", module: "sstp", why: "wrong password"), in: log)
        journal.record(
            .disconnected(
                session: "S1", user: "alice", why: "user request", bytesIn: 1, bytesOut: .max,
                duration: .seconds(2)),
            in: log)
        journal.stop()
        let lines = try String(contentsOfFile: directory + "/security/H.log", encoding: .utf8).split(
            separator: "\n")
        let untimed = lines.map { String($0.drop { $0 != " " }) }
        #expect(
            untimed == [
                """
                 level=info category=connected session=S1 user=alice from=192.0.2.1:5 protocol=openvpn \
                cipher=AES-256-GCM
                """,
                """
                 level=info category=address-lent session=S1 address=10.0.0.2 mac=02:00:00:00:00:01 \
                lease=60.000
                """,
                """
                 level=notice category=refused user=bob from=192.0.2.1:6 protocol=sstp \
                why="wrong password"
                """,
                """
                 level=info category=disconnected session=S1 user=alice why="user request" in=1 \
                out=9223372036854775807 duration=2.000
                """,
            ])
    }
}
