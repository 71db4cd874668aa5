import ControlFixtures
import Foundation
import Testing

/// The command as it is built, run as a process against a server of this process.
@Suite struct CommandTests {
    struct Outcome: Equatable {
        var status: Int32
        var output: String
        var errors: String
    }

    private func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await blocking {
            let process = Process()
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("polyhubctl")
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
            (process.standardInput, process.standardOutput, process.standardError) = (
                standardInput, output, errors
            )
            try process.run()
            try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try standardInput.fileHandleForWriting.close()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return Outcome(status: process.terminationStatus, output: text, errors: complaint)
        }
    }

    private func run(_ server: RunningServer, _ line: String, input: String = "") async throws -> Outcome {
        try await run(["--state", server.state] + line.split(separator: " ").map(String.init), input: input)
    }

    @Test func `a hub and its user from the cradle to the grave`() async throws {
        try await RunningServer.with { server async throws in
            let silent = Outcome(status: 0, output: "", errors: "")
            #expect(try await run(server, "hub create Office") == silent)
            #expect(try await run(server, "user create office alice --password p --group staff") == silent)
            #expect(
                try await run(server, "user create office bob --password-stdin", input: "secret\n") == silent)
            #expect(try await run(server, "user set office bob --address 192.168.30.50 --disable") == silent)
            let list = try await run(server, "user list OFFICE").output
            #expect(
                list == """
                    USER   GROUP  ENABLED  EXPIRES  ADDRESS        NOTE
                    alice  staff  yes      never    -              -
                    bob    -      no       never    192.168.30.50  -

                    """)
            #expect(try await run(server, "user password office alice --password q") == silent)
            #expect(try await run(server, "user delete office bob") == silent)
            #expect(
                try await run(server, "--json hub list").output
                    == #"[{"enabled":true,"groups":1,"name":"Office","note":"","policy":{},"users":1}]"#
                    + "\n")
            #expect(try await run(server, "hub delete Office") == silent)
            #expect(try await run(server, "hub list") == silent)
        }
    }

    @Test func `policies are said of hubs, groups and users, and shown together`() async throws {
        try await RunningServer.with { server async throws in
            let silent = Outcome(status: 0, output: "", errors: "")
            #expect(try await run(server, "hub create Office --policy macs=3 --policy addresses=9") == silent)
            #expect(try await run(server, "group create Office routers --policy router=yes") == silent)
            #expect(
                try await run(server, "user create Office alice --password p --group routers") == silent)
            #expect(try await run(server, "user set Office alice --policy macs=5") == silent)
            #expect(try await run(server, "hub set Office --policy addresses=") == silent)
            #expect(try await run(server, "group set Office routers --note boxes") == silent)
            let shown = try await run(server, "user show Office alice").output
            #expect(shown.contains("policy            macs=5\n"), "\(shown)")
            #expect(
                shown.contains(
                    "policy in effect  dhcp-server=no router=yes bridge=no monitor=no take-over=no "
                        + "choose-address=yes change-password=yes macs=5 addresses=64 "
                        + "broadcasts=1000 sessions=65535\n"), "\(shown)")
            #expect(try await run(server, "hub show Office").output.contains("policy    macs=3\n"))
            #expect(
                try await run(server, "--json group list Office").output
                    == #"[{"members":1,"name":"routers","note":"boxes","policy":{"router":true}}]"# + "\n")
            let refused = try await run(server, "user set Office alice --policy macs=0")
            #expect(refused.status == 1)
            #expect(
                refused.errors == "polyhubctl: policy macs cannot be \"0\": 1 to 65535 is accepted\n")
        }
    }

    @Test func `a refusal is one sentence and status 1`() async throws {
        try await RunningServer.with { server async throws in
            let outcome = try await run(server, "user list Nowhere")
            #expect(outcome.status == 1)
            #expect(outcome.errors == "polyhubctl: there is no hub \"Nowhere\": none has been created\n")
            let absent = try await run(["--state", server.state + "/none", "status"])
            #expect(absent.status == 1)
            #expect(
                absent.errors.hasPrefix(
                    "polyhubctl: no polyhubd answers at \(server.state)/none/control.sock"))
        }
    }

    @Test(arguments: [
        "", "hub", "hub create", "hub create a b", "nonsense", "user create H alice", "hub list --nonsense",
        "user create H alice --password a --password-stdin", "bridge add H",
        "bridge add H --tap a --interface b",
        "nat enable H --engine fast", "module unload m --drain soon", "log tail --lines x",
    ])
    func `a wrong command line is status 2, and the server is not asked`(line: String) async throws {
        let arguments = line.split(separator: " ").map(String.init)
        let outcome = try await run(["--state", "/nowhere"] + arguments)
        #expect(outcome.status == 2 && outcome.output.isEmpty && !outcome.errors.isEmpty, "\(outcome)")
    }

    @Test func `help is status 0 and names the commands`() async throws {
        let outcome = try await run(["--help"])
        #expect(outcome.status == 0 && outcome.output.contains("session"))
    }

    @Test func `the state directory comes from the environment too, and the option wins`() async throws {
        try await RunningServer.with { server async throws in
            let variable = ["POLYHUB_STATE": server.state]
            #expect(try await run(["hub", "list"], environment: variable).status == 0)
            #expect(try await run(["--state", "/nowhere", "hub", "list"], environment: variable).status == 1)
            #expect(try await run(["hub", "list", "--state", server.state]).status == 0)
        }
    }

    @Test func `what runs is shown in columns or as it is`() async throws {
        try await RunningServer.with { server async throws in
            #expect(try await run(server, "hub create Office").status == 0)
            #expect(
                try await run(server, "mac list Office").output == """
                    MAC                SESSION  AGE
                    02:00:00:00:00:01  S1         3

                    """)
            #expect(
                try await run(server, "module call openvpn profile Office alice").output
                    == "openvpn profile Office alice\n")
            #expect(
                try await run(server, "nat enable Office --engine kernel --network 10.0.0.1/24").status == 0)
            #expect(try await run(server, "nat show Office").status == 1)
            #expect(try await run(server, "bridge add Office --tap tap0").status == 0)
            #expect(try await run(server, "session disconnect S1").status == 0)
            #expect(try await run(server, "session disconnect S2").status == 1)
            let status = try await run(server, "status").output
            #expect(status.contains("sessions              0\n"), "\(status)")
            #expect(status.contains("openvpn.handshakes    7\n"), "\(status)")
            #expect(status.contains("module calls refused  2\n"), "\(status)")
        }
    }

    @Test func `export is taken back by apply, which says what it changed`() async throws {
        try await RunningServer.with { server async throws in
            for line in [
                "hub create Office", "user create Office alice --password p --note äöü", "hub create Other",
            ] {
                #expect(try await run(server, line).status == 0)
            }
            let exported = try await run(server, "export").output
            #expect(try await run(server, "hub delete Other").status == 0)
            #expect(try await run(server, "user set Office alice --note x").status == 0)
            let applied = try await run(server, "apply -", input: exported)
            #expect(
                applied.output
                    == "created hub Other\nchanged user alice@Office\n1 created, 1 changed, 0 deleted\n",
                "\(applied)")
            #expect(try await run(server, "export").output == exported)
            let refused = try await run(server, "apply -", input: "format = 1\n[[hub]]\nname = \"a b\"\n")
            #expect(
                refused.status == 1 && refused.errors.contains("line 3, name of hub \"a b\": "), "\(refused)")
        }
    }

    @Test func `a document longer than one request goes through`() async throws {
        try await RunningServer.with { server async throws in
            var text = "format = 1\n[[hub]]\nname = \"Big\"\n"
            for index in 0..<8000 {
                text +=
                    "[[hub.user]]\nname = \"user\(index)\"\nnote = \"\(String(repeating: "ä", count: 80))\"\n"
                text += "certificate = \"user\(index)\"\n"
            }
            let applied = try await run(server, "--json apply -", input: text)
            #expect(applied.status == 0)
            #expect(try server.store.hubs().map(\.users) == [8000])
        }
    }
}
