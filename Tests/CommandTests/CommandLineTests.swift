import ControlRequests
import Foundation
import Testing

@testable import polyhubctl

@Suite struct CommandLineTests {
    private func parse<Command: RequestCommand>(_ line: String, as: Command.Type) throws -> Command {
        let arguments = line.split(separator: " ").map(String.init)
        return try #require(try Polyhubctl.parseAsRoot(arguments) as? Command, "\(line) is another command")
    }

    @Test func `state and json are taken before the command`() throws {
        let before = try parse("--state /tmp/s --json hub list", as: HubCommand.List.self)
        #expect(before.server.json)
        #expect(before.server.socketPath == "/tmp/s/control.sock")
    }

    @Test func `a user's options become the request`() throws {
        let command = try parse(
            "--state /s user create Office alice --password p --group staff --expires never",
            as: UserCommand.Create.self)
        let request = try command.request()
        #expect(request.hub == "Office" && request.user == "alice" && request.password == "p")
        #expect(request.fields == UserFields(group: "staff", expires: "never"))
    }

    @Test func `a module's command takes whatever follows it`() throws {
        let command = try parse(
            "--state /s module call openvpn profile HUB --x -y", as: ModuleCommand.Call.self)
        #expect(command.request().arguments == ["HUB", "--x", "-y"])
    }
}
