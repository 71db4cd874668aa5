import FakeHost
import PluginABI
import PluginKit
import Testing

/// Commands are C functions of exactly the signature that they declare: called here without libffi.
@Suite struct CommandTests {
    typealias State = UnsafeMutableRawPointer?
    typealias Text = UnsafePointer<CChar>?

    final class Commands {
        let host = FakeHost()
        let module: LoadedModule
        private let table: pa_command_module_v1

        init() throws {
            module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
            table = try #require(module.capability(PA_COMMAND, pa_command_module_v1.self))
        }

        var state: State { module.table.pointee.state }

        func raw(_ name: String) throws -> pa_command_v1 {
            let all = (0..<Int(table.count)).map { table.commands[$0]!.pointee }
            return try #require(all.first { String(cString: $0.name) == name })
        }

        func function<F>(_ name: String, _: F.Type) throws -> F {
            unsafeBitCast(try #require(try raw(name).function), to: F.self)
        }
    }

    @Test func `the declaration tells the signature`() throws {
        let commands = try Commands()
        defer { commands.module.end() }
        let raw = try commands.raw("all")
        #expect(raw.result == PA_TYPE_STRING && raw.argument_count == 8)
        let arguments = (0..<8).map { raw.arguments[$0]!.pointee }
        #expect(arguments.map { String(cString: $0.name) } == ["S", "I", "D", "B", "T", "J", "E", "C"])
        #expect(arguments.map(\.type) == [1, 2, 3, 4, 1, 2, 3, 4])
    }

    @Test func `eight arguments of four types`() throws {
        typealias F =
            @convention(c) (State, Text, Int64, Double, UInt32, Text, Int64, Double, UInt32) -> Text
        let commands = try Commands()
        defer { commands.module.end() }
        let result = try commands.function("all", F.self)(
            commands.state, "ä", -5, 0.5, 1, "", Int64.max, -1e300, 0)
        #expect(String(cString: result!) == "ä -5 0.5 true  9223372036854775807 -1e+300 false")
    }

    @Test func `numbers and truths come back`() throws {
        let commands = try Commands()
        defer { commands.module.end() }
        let half = try commands.function("half", (@convention(c) (State, Int64) -> Double).self)
        #expect(half(commands.state, 7) == 3.5)
        let negate = try commands.function("negate", (@convention(c) (State, Int64) -> Int64).self)
        #expect(negate(commands.state, Int64.max) == -Int64.max)
        let not = try commands.function("not", (@convention(c) (State, UInt32) -> UInt32).self)
        #expect(not(commands.state, 1) == 0)
        #expect(not(commands.state, 0) == 1)
        let nothing = try commands.function("nothing", (@convention(c) (State) -> Void).self)
        nothing(commands.state)
        #expect(commands.host.said() == ["log 2 nothing"])
    }

    @Test func `a thrown error is explained, and NULL comes back`() throws {
        let commands = try Commands()
        defer { commands.module.end() }
        let fail = try commands.function("fail", (@convention(c) (State) -> Text).self)
        #expect(fail(commands.state) == nil)
        #expect(commands.host.explained == ["it is Monday"])
    }

    @Test func `a text lives until the next command`() throws {
        typealias F =
            @convention(c) (State, Text, Int64, Double, UInt32, Text, Int64, Double, UInt32) -> Text
        let commands = try Commands()
        defer { commands.module.end() }
        let all = try commands.function("all", F.self)
        let first = all(commands.state, "one", 1, 1, 1, "", 1, 1, 1)
        #expect(String(cString: first!).hasPrefix("one "))
        let second = all(commands.state, "two", 1, 1, 1, "", 1, 1, 1)
        #expect(String(cString: second!).hasPrefix("two "))
    }
}
