import FakeHost
import Glibc
import PluginABI
import Testing

/// A Swift module as the host meets it: a shared library with one symbol.
@Suite struct SharedLibraryTests {
    typealias Entry = @convention(c) () -> UnsafePointer<pa_descriptor_v1>?

    static let path: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let executable = String(
            decoding: buffer[..<max(count, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return executable.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/libEchoModule.so"
    }()

    private func descriptor() throws -> UnsafePointer<pa_descriptor_v1> {
        let library = try #require(dlopen(Self.path, RTLD_NOW | RTLD_LOCAL), "\(Self.path)")
        let symbol = try #require(dlsym(library, "packet_adapter_entry"))
        return try #require(unsafeBitCast(symbol, to: Entry.self)())
    }

    @Test func `the descriptor says who it is`() throws {
        let raw = try descriptor().pointee
        #expect(raw.magic == PA_MAGIC)
        #expect(raw.size == UInt32(MemoryLayout<pa_descriptor_v1>.size))
        #expect(raw.flags & PA_FLAG_UNLOADABLE == 0)
        #expect(String(cString: raw.name) == "echo")
        #expect(String(cString: raw.default_listeners[0]!) == "udp://127.0.0.1:7007")
        #expect(raw.default_listeners[1] == nil)
        #expect(try descriptor() == descriptor())
    }

    @Test func `a datagram comes back and is counted`() throws {
        let host = FakeHost()
        let module = try LoadedModule(descriptor(), in: host)
        #expect(module.start() == PA_OK)
        #expect(module.enterLane() == PA_OK)
        let datagram = try #require(module.capability(PA_DATAGRAM, pa_datagram_module_v1.self))
        #expect(module.capability(PA_SESSION, pa_session_module_v1.self) == nil)
        _ = host.said()
        let remote = host.memory.array([pa_address_v1.ipv4(198, 51, 100, 7, port: 5000)])
        var batch = pa_datagram_v1(payload: host.memory.slice([1, 2, 3]), remote: remote, local: nil)
        datagram.received(module.laneState, 4, &batch, 1)
        #expect(host.said() == ["send 4 010203 any -> 198.51.100.7:5000", "metric 7 += 1"])
        module.end()
    }

    @Test func `two instances of one library live side by side`() throws {
        let (first, second) = (FakeHost(), FakeHost())
        let one = try LoadedModule(descriptor(), in: first)
        let other = try LoadedModule(descriptor(), in: second)
        #expect(one.start() == PA_OK)
        one.end()
        #expect(other.start() == PA_OK)
        #expect(second.said() == ["declare echoed 1"])
        other.end()
    }

    @Test func `a host without datagrams is told so`() throws {
        let host = FakeHost()
        host.lacking = [PA_DATAGRAM]
        let module = try LoadedModule(descriptor(), in: host)
        #expect(module.start() == PA_ERROR_UNSUPPORTED)
        #expect(host.explained == ["this server has no pa.datagram/1"])
        module.end()
    }
}
