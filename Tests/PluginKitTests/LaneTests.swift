import FakeHost
import PluginABI
import PluginKit
import Testing
import Wire

/// Everything that passes between a lane and the host, both ways. One suite, in order: the script is shared.
@Suite(.serialized) struct LaneTests {
    final class Lane {
        let host = FakeHost()
        let module: LoadedModule

        init() throws {
            module = try LoadedModule(ModuleEntry.descriptor(of: Recorder.self), in: host)
            #expect(module.start() == PA_OK)
            #expect(module.enterLane() == PA_OK)
            _ = host.said()
            RecorderLane.script = nil
            RecorderLane.frameScript = nil
        }

        var state: UnsafeMutableRawPointer? { module.laneState }

        func table<T>(_ id: String, _: T.Type) throws -> T { try #require(module.capability(id, T.self)) }

        /// Has the module do something in a call of its lane.
        func inCall(_ script: @escaping (RecorderLane) -> Void) throws -> [String] {
            RecorderLane.script = script
            try table(PA_TIMER, pa_timer_module_v1.self).expired(state, 1)
            let said = host.said()
            #expect(said.first == "log 2 expired 1")
            return Array(said.dropFirst())
        }

        /// Two datagrams of one peer, with a local address at the first.
        func receive() throws -> [String] {
            let memory = host.memory
            let remote = memory.array([pa_address_v1.ipv4(198, 51, 100, 7, port: 5000)])
            let local = memory.array([pa_address_v1.ipv4(192, 0, 2, 1, port: 9)])
            let batch = memory.array([
                pa_datagram_v1(
                    payload: memory.slice([1, 2, 3], headroom: 8, tailroom: 4), remote: remote, local: local),
                pa_datagram_v1(payload: memory.slice([4]), remote: remote, local: nil),
            ])
            try table(PA_DATAGRAM, pa_datagram_module_v1.self).received(state, 4, batch, 2)
            return host.said()
        }
    }

    // MARK: Datagrams

    @Test func `datagrams are received, sent back and handed over`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        #expect(
            try lane.receive() == [
                "log 2 datagram 010203 from 198.51.100.7:5000 to 192.0.2.1:9",
                "log 2 datagram 04 from 198.51.100.7:5000 to any",
                "send 4 010203 192.0.2.1:9 -> 198.51.100.7:5000", "send 4 04 any -> 198.51.100.7:5000",
                "to lane 3, 4 04 any -> 198.51.100.7:5000",
            ])
    }

    @Test func `datagrams are changed in place`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        RecorderLane.frameScript = { _, packet, index in
            guard index == 0 else { return false }
            var grown = packet.growFront(1) && packet.trimBack(1)
            grown = grown && packet.growFront(8) == false
            var bytes = packet.mutableBytes
            bytes.storeBytes(of: 0xaa, toByteOffset: 0, as: UInt8.self)
            return grown
        }
        #expect(try lane.receive()[2] == "send 4 aa0102 192.0.2.1:9 -> 198.51.100.7:5000")
    }

    @Test func `listeners are told, and pinned as the module likes`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_DATAGRAM, pa_datagram_module_v1.self)
        var local = pa_address_v1.ipv4(192, 0, 2, 1, port: 9)
        table.listening(lane.state, 4, &local)
        #expect(lane.host.said() == ["log 2 listening 4 192.0.2.1:9"])
        #expect(table.pinning(lane.module.table.pointee.state, "udp://0.0.0.0:500") == PA_PIN_FLOW)
        #expect(table.pinning(lane.module.table.pointee.state, "ip://0.0.0.0:50") == PA_PIN_SOURCE)
    }

    @Test func `a copy is sent; what the host says comes back`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let said = try lane.inCall { lane in
            let remote = Endpoint(ipv4: 0xc633_6407, port: 1)
            let status = lane.services.send(
                copying: [7, 8], to: remote, from: remote, on: SocketHandle(rawValue: 6))
            #expect(status == .ok)
        }
        #expect(said == ["send copy 6 0708 198.51.100.7:1 -> 198.51.100.7:1"])
        lane.host.answer = PA_ERROR_HANDLE
        _ = try lane.inCall { lane in
            let remote = Endpoint(ipv4: 1, port: 1)
            #expect(
                lane.services.send(copying: [], to: remote, from: nil, on: SocketHandle(rawValue: 6))
                    == .handle)
        }
    }

    // MARK: Streams

    @Test func `a stream lives and ends`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_STREAM, pa_stream_module_v1.self)
        #expect(table.claim(lane.state, [0x16], 1) == PA_CLAIM_MORE)
        #expect(table.claim(lane.state, [0x16, 3], 2) == PA_CLAIM_YES)
        #expect(table.claim(lane.state, [0x17, 3], 2) == PA_CLAIM_NO)
        #expect(table.opened(lane.state, 5, 9) == 1005)
        #expect(table.received(lane.state, 1005, lane.host.memory.slice([1, 2, 3])) == 2)
        table.writable(lane.state, 1005, 10)
        table.closed(lane.state, 1005, PA_STREAM_REMOTE)
        #expect(
            lane.host.said() == [
                "log 2 stream 5 moved 9", "log 2 octets 010203 on 1005", "log 2 writable 1005 10",
                "log 2 stream closed 1005 remote",
            ])
    }

    @Test func `a stream is written, moved, looked at and closed`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let stream = StreamHandle(rawValue: 5)
        let said = try lane.inCall { lane in
            let result = lane.services.write(copying: [1], to: stream)
            #expect(result.status == .ok && result.queued == 18)
            let facts = try? lane.services.facts(of: stream)
            #expect(facts?.isTLS == true && facts?.tlsVersion == "TLSv1.3" && facts?.tlsCipher == nil)
            #expect(
                facts?.remote.description == "198.51.100.7:5000" && facts?.presentedCertificate == [0x30, 0])
            #expect(throws: Never.self) { try lane.services.move(stream, toLane: 2, token: 8, rest: [9]) }
            lane.services.close(stream, .reset)
        }
        #expect(said == ["write copy 5: 01", "move 5 to lane 2 as 8 with 09", "close stream 5 2"])
    }

    // MARK: Timers

    @Test func `timers and times`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let said = try lane.inCall { lane in
            #expect(lane.services.now == Instant(nanoseconds: 1_000_000_000))
            #expect(lane.services.wallSeconds == 1_700_000_000)
            lane.services.arm(timer: 3, at: Instant(nanoseconds: 5))
            lane.services.disarm(timer: 3)
        }
        #expect(said == ["arm 3 at 5", "disarm 3"])
    }

    // MARK: Authentication

    @Test func `a question is asked and decided`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let said = try lane.inCall { lane in
            var evidence = Evidence(.password, protocolName: "Test")
            evidence.name = Array("alice@lab".utf8)
            evidence.secret = [0x70, 0x77]
            evidence.remote = Endpoint(ipv4: 0x0a00_0001, port: 3)
            #expect((try? lane.services.ask(evidence, token: 21))?.rawValue == 101)
            lane.services.withdraw(question: Ticket(rawValue: 101))
            lane.services.release(IdentityHandle(rawValue: 6))
        }
        #expect(said == ["ask 1 alice@lab 7077 from 10.0.0.1:3 as 21", "withdraw question 101", "release 6"])

        let memory = lane.host.memory
        var verdict = pa_verdict_v1()
        verdict.size = UInt32(MemoryLayout<pa_verdict_v1>.size)
        verdict.code = PA_VERDICT_ACCEPTED
        verdict.identity = 6
        verdict.user = memory.text("Alice")
        verdict.hub = memory.text("LAB")
        verdict.response = memory.octets([1, 2])
        let table = try lane.table(PA_AUTH, pa_auth_module_v1.self)
        table.decided(lane.state, 21, &verdict)
        verdict = pa_verdict_v1()
        verdict.code = 99
        table.decided(lane.state, 22, &verdict)
        #expect(
            lane.host.said() == [
                "log 2 decided 21 accepted Alice LAB - 6 [1, 2]", "log 2 decided 22 unavailable - - - 0 []",
            ])
    }

    @Test func `a question that the host does not take is an error`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        lane.host.answer = PA_ERROR_LIMIT
        _ = try lane.inCall { lane in
            #expect(throws: Status.limit) {
                try lane.services.ask(Evidence(.eap, protocolName: "Test"), token: 1)
            }
        }
    }
}
