import ControlFixtures
import ControlRequests
import Foundation
import Journal
import Testing

@testable import Control

@Suite struct ControlServerTests {
    /// The answers to some lines, on one connection.
    private func ask(_ server: RunningServer, _ text: String) async throws -> [String] {
        String(decoding: try await converse(server.socketPath, Array(text.utf8)), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    private func code(_ line: String?) -> Int? {
        guard let line else { return nil }
        return try? JSONDecoder().decode(ResponseEnvelope<Done>.self, from: Data(line.utf8)).error?.code
            .rawValue
    }

    @Test func `requests of one connection are answered in their order`() async throws {
        try await RunningServer.with { server async throws in
            let answers = try await ask(
                server,
                """
                {"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":"Office"}}
                {"jsonrpc":"2.0","id":"2","method":"user.create",\
                "params":{"hub":"office","user":"al","password":"p"}}
                {"jsonrpc":"2.0","method":"hub.create","params":{"hub":"Quiet"}}

                {"jsonrpc":"2.0","id":3,"method":"hub.list"}
                """)
            #expect(
                answers == [
                    #"{"id":1,"jsonrpc":"2.0","result":"#
                        + #"{"enabled":true,"groups":0,"name":"Office","note":"","policy":{},"users":0}}"#,
                    #"{"id":"2","jsonrpc":"2.0","result":"#
                        + #"{"enabled":true,"hub":"Office","name":"al","note":"","password":true,"#
                        + #""policy":{}}}"#,
                    #"{"id":3,"jsonrpc":"2.0","result":["#
                        + #"{"enabled":true,"groups":0,"name":"Office","note":"","policy":{},"users":1},"#
                        + #"{"enabled":true,"groups":0,"name":"Quiet","note":"","policy":{},"users":0}]}"#,
                ])
        }
    }

    @Test func `the log says who was changed, and holds no secret`() async throws {
        try await RunningServer.with { server async throws in
            _ = try await ask(
                server,
                """
                {"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":"Office","psk":"hidden-1"}}
                {"jsonrpc":"2.0","id":2,"method":"user.create",\
                "params":{"hub":"Office","user":"al","password":"hidden-2"}}
                {"jsonrpc":"2.0","id":3,"method":"hub.list"}
                {"jsonrpc":"2.0","id":4,"method":"module.call",\
                "params":{"module":"ipsec","command":"psk","arguments":["hidden-3"]}}
                {"jsonrpc":"2.0","id":5,"method":"user.delete","params":{"hub":"Office","user":"bo"}}
                {"jsonrpc":"2.0","id":6,"method":"export"}
                """)
            server.journal.stop()
            let log = try String(contentsOfFile: server.state + "/log/server.log", encoding: .utf8)
            let lines = log.split(separator: "\n").compactMap { line in
                line.range(of: "category=administration ").map { String(line[$0.upperBound...]) }
            }
            #expect(lines.count == 5 && !log.contains("hidden"), "\(log)")
            #expect(
                lines.prefix(2) == ["method=hub.create hub=Office", "method=user.create hub=Office user=al"])
            #expect(
                lines.dropFirst(2).first?.hasPrefix("method=module.call module=ipsec command=psk") == true)
            #expect(lines.dropFirst(3).first?.hasPrefix("method=user.delete hub=Office user=bo why=") == true)
            #expect(lines.last == "method=export")
        }
    }

    @Test(arguments: [
        ("{", -32700), ("hello", -32700), ("{}", -32600), ("[]", -32600), ("[{}]", -32600), ("null", -32600),
        ("1e999999", -32600), ("tru", -32700),
        (#"{"jsonrpc":"1.0","id":1,"method":"status"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (#"{"jsonrpc":"2.0","id":{},"method":"status"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"status"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":99999999999999999999999999,"method":"status"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1,"method":"no.such"}"#, -32601),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.create"}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.create","params":[]}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":1}}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":null}}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"method":"log.tail","params":{"lines":1e30}}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"method":"log.tail","params":{"lines":1.5}}"#, -32602),
        (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"status"}"#, -32700),
        (#"{"jsonrpc":"2.0","id":1,"method":"status","\u006dethod":"hub.list"}"#, -32700),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":"../../etc"}}"#, 3),
        (#"{"jsonrpc":"2.0","id":1,"method":"hub.delete","params":{"hub":"nowhere"}}"#, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"session.disconnect","params":{"id":"S9"}}"#, 1),
        (#"{"jsonrpc":"2.0","id":1,"method":"module.unload","params":{"module":"x","drainSeconds":-1}}"#, 3),
    ])
    func `what is wrong with a request is told by its code`(line: String, expected: Int) async throws {
        try await RunningServer.with { server async throws in
            let answers = try await ask(
                server, line + "\n" + #"{"jsonrpc":"2.0","id":7,"method":"module.list"}"# + "\n")
            #expect(code(answers.first) == expected, "\(line) gave \(answers)")
            #expect(
                answers.count == 2 && answers.last?.contains(#""id":7"#) == true, "the connection goes on")
        }
    }

    @Test func `ten thousand levels of nesting are refused`() async throws {
        try await RunningServer.with { server async throws in
            for pair in [("[", "]"), (#"{"a":"#, "}")] {
                let text =
                    String(repeating: pair.0, count: 10_000) + "1" + String(repeating: pair.1, count: 10_000)
                #expect(code(try await ask(server, text + "\n").first) == -32700)
                let inside = #"{"jsonrpc":"2.0","id":1,"method":"status","params":"# + text + "}\n"
                #expect(code(try await ask(server, inside).first) == -32700)
            }
        }
    }

    @Test func `a wrong parameter is named together with what it should be`() async throws {
        try await RunningServer.with { server async throws in
            let answer = try await ask(
                server, #"{"jsonrpc":"2.0","id":1,"method":"hub.create","params":{"hub":1}}"# + "\n")
            #expect(
                answer.first?.contains(#"\"params.hub\" is of another type: a text is accepted"#) == true,
                "\(answer)")
        }
    }

    @Test func `a line that is too long ends its connection with a reason, and nobody else's`() async throws {
        try await RunningServer.with { server async throws in
            let long = [UInt8](repeating: UInt8(ascii: "x"), count: ControlServer.maximumRequest + 2)
            let answer = String(decoding: try await converse(server.socketPath, long), as: UTF8.self)
            #expect(answer.isEmpty || code(answer) == -32700)
            #expect(try await ask(server, #"{"jsonrpc":"2.0","id":1,"method":"module.list"}"#).count == 1)
        }
    }

    @Test func `nobody but the owner may connect`() async throws {
        try await RunningServer.with { server async throws in
            let attributes = try FileManager.default.attributesOfItem(atPath: server.socketPath)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func `a dead server's socket is replaced`() async throws {
        try await RunningServer.with { server async throws in
            let path = server.state + "/stale.sock"
            close(try ownSocket(at: path))
            let other = try await ControlServer(socketPath: path, methods: server.methods)
            let answer = try await converse(
                path, Array((#"{"jsonrpc":"2.0","id":1,"method":"status"}"# + "\n").utf8))
            #expect(!answer.isEmpty)
            await other.stop()
            await #expect(throws: (any Error).self) { _ = try await converse(path, [10]) }
        }
    }

    @Test func `a path too long for a socket is refused with the length that is accepted`() {
        let path = "/tmp/" + String(repeating: "x", count: 120) + "/control.sock"
        #expect(throws: ControlError.self) { try ownSocket(at: path) }
    }

    @Test func `a log is followed line by line until the next request`() async throws {
        try await RunningServer.with { server async throws in
            let (path, journal) = (server.socketPath, server.journal)
            journal.record(Event("first"))
            let lines = try await blocking {
                let client = try RawClient(path)
                client.send(
                    Array(
                        (#"{"jsonrpc":"2.0","id":1,"method":"log.tail","params":{"follow":true}}"# + "\n")
                            .utf8))
                let last = client.readLine()
                journal.record(Event("second"))
                let next = client.readLine()
                client.send(Array((#"{"jsonrpc":"2.0","id":2,"method":"module.list"}"# + "\n").utf8))
                return [last, next, client.readLine()]
            }
            #expect(lines[0].contains("category=first") && lines[0].hasPrefix(#"{"id":1,"#))
            #expect(lines[1].contains("category=second") && lines[1].contains(#""method":"log.line""#))
            #expect(lines[2].hasPrefix(#"{"id":2,"#))
        }
    }

    @Test func `a document of several pieces is applied as one`() async throws {
        try await RunningServer.with { server async throws in
            let answers = try await ask(
                server,
                #"{"jsonrpc":"2.0","id":1,"method":"apply.piece","#
                    + #""params":{"text":"format = 1\n[[hub]]\nna"}}"#
                    + "\n"
                    + #"{"jsonrpc":"2.0","id":2,"method":"apply.piece","#
                    + #""params":{"text":"me = \"Office\"\n"}}"#
                    + "\n"
                    + #"{"jsonrpc":"2.0","id":3,"method":"apply"}"# + "\n")
            #expect(
                answers.last
                    == #"{"id":3,"jsonrpc":"2.0","result":"#
                    + #"{"changed":[],"created":["hub Office"],"deleted":[]}}"#
            )
            let hubs = try server.store.hubs()
            #expect(hubs.count == 1)
        }
    }

    @Test func `every method of the command line is in the table`() async throws {
        try await RunningServer.with { server async throws in
            #expect(
                server.methods.names == [
                    "address.list", "apply", "apply.piece", "bridge.add", "bridge.list", "bridge.remove",
                    "export",
                    "group.create", "group.delete", "group.list", "group.set", "hub.create", "hub.delete",
                    "hub.list",
                    "hub.set",
                    "hub.show", "log.tail", "mac.list", "module.call", "module.list", "module.load",
                    "module.swap",
                    "module.unload", "nat.disable", "nat.enable", "nat.show", "session.disconnect",
                    "session.list",
                    "status", "user.create", "user.delete", "user.list", "user.password", "user.set",
                    "user.show",
                ])
        }
    }
}
