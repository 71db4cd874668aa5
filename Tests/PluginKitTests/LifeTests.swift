import FakeHost
import PluginABI
import PluginKit
import Testing

/// A module's life, and what it offers.
@Suite struct LifeTests {
    @Test func `from the descriptor to destroy`() throws {
        let host = FakeHost()
        let raw = ModuleEntry.descriptor(of: Recorder.self)
        #expect(String(cString: raw.pointee.id) == "org.polyhub.recorder")
        #expect(String(cString: raw.pointee.vendor) == "Nobody")
        #expect(String(cString: raw.pointee.description) == "Records.")
        #expect(raw.pointee.abi_major == PA_ABI_MAJOR && raw.pointee.abi_minor == PA_ABI_MINOR)
        #expect(raw == ModuleEntry.descriptor(of: Recorder.self))
        let module = try LoadedModule(raw, in: host)
        #expect(module.start() == PA_OK)
        #expect(module.enterLane(1, of: 2) == PA_OK)
        module.end()
        #expect(host.said() == ["log 2 start", "log 2 lane 1 of 2", "log 2 goodbye", "log 2 stop"])
    }

    @Test func `what init throws becomes a sentence and a status`() throws {
        let host = FakeHost(version: "refuse")
        #expect(throws: LoadedModule.Refusal.create(PA_ERROR_REFUSED)) {
            try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        }
        #expect(host.explained == ["this version is not liked"])
    }

    @Test func `a table of the host with another size is refused`() {
        let host = FakeHost()
        host.table.pointee.size -= 8
        #expect(throws: LoadedModule.Refusal.create(PA_ERROR_ARGUMENT)) {
            try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        }
    }

    @Test func `a lane that cannot be made is refused`() throws {
        let host = FakeHost()
        let module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        #expect(module.enterLane(0, of: 9) == PA_ERROR_LIMIT)
        #expect(host.explained == ["too many lanes"])
        module.end()
    }

    @Test func `it answers for what it has, always the same`() throws {
        let host = FakeHost()
        let module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        let ids = [
            PA_DATAGRAM, PA_STREAM, PA_SESSION, PA_AUTH, PA_TIMER, PA_CERTIFICATE, PA_OPTION, PA_COMMAND,
            PA_HANDOVER,
        ]
        for id in ids {
            let first = try #require(module.table.pointee.capability(module.table.pointee.state, id), "\(id)")
            #expect(first == module.table.pointee.capability(module.table.pointee.state, id))
        }
        for id in [PA_LOG, PA_METRIC, PA_STORE, PA_THREAD_CHECK, "pa.session/2", ""] {
            #expect(module.table.pointee.capability(module.table.pointee.state, id) == nil, "\(id)")
        }
        module.end()
    }

    @Test func `options are declared as the host reads them`() throws {
        let host = FakeHost()
        let module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        let table = try #require(module.capability(PA_OPTION, pa_option_module_v1.self))
        let lines = (0..<Int(table.count)).map { index in
            let option = table.options[index]!.pointee
            return "\(String(cString: option.key)) \(option.type) \(option.flags) "
                + "\(String(cString: option.fallback)) \(option.minimum)...\(option.maximum)"
        }
        #expect(
            lines == [
                "greeting 1 0 hello 0...0", "count 2 1 3 1...9", "loud 3 0 true 0...0",
                "names 4 2 a, b 0...0",
            ])
        #expect(table.changed(module.table.pointee.state) == PA_ERROR_STATE)
        #expect(host.explained == ["not now"])
        module.end()
    }

    @Test func `the certificate's change is told`() throws {
        let host = FakeHost()
        let module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
        let table = try #require(module.capability(PA_CERTIFICATE, pa_certificate_module_v1.self))
        #expect(table.changed(module.table.pointee.state) == PA_OK)
        #expect(host.said() == ["log 2 certificate changed"])
        module.end()
    }
}
