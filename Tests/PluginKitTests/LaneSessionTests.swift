import FakeHost
import PluginABI
import PluginKit
import Testing
import Wire

extension LaneTests {
    // MARK: Sessions

    @Test func `a session is opened, updated and closed`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let session = SessionHandle(rawValue: 8)
        let said = try lane.inCall { lane in
            var request = SessionRequest(
                layer: .three, identity: IdentityHandle(rawValue: 6), mtu: 1400, protocolName: "Test",
                cipher: "none",
                remote: Endpoint(ipv4: 0x0a00_0001, port: 3))
            request.headroom = 30
            request.tailroom = 16
            #expect((try? lane.services.open(request, token: 31))?.rawValue == 101)
            lane.services.withdraw(opening: Ticket(rawValue: 101))
            lane.services.update(session, remote: Endpoint(ipv4: 0x0a00_0002, port: 4))
            lane.services.update(session, cipher: "AES")
            lane.services.close(session, .client, "bye")
            lane.services.close(session, .timeout)
        }
        #expect(
            said == [
                "open layer 3 for 6 mtu 1400 room 30+16 Test none from 10.0.0.1:3 as 31",
                "withdraw opening 101",
                "update 8 10.0.0.2:4 -", "update 8 - AES", "close session 8 1 bye", "close session 8 2 -",
            ])
    }

    @Test func `IPv6 is asked for, and told`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let session = SessionHandle(rawValue: 8)
        _ = try lane.inCall { lane in
            #expect(lane.services.leaseIPv6(opening: Ticket(rawValue: 101)) == .ok)
            #expect(lane.services.joinIPv6Link(session, own: 1, peer: 2) == .ok)
        }
        #expect(lane.host.openingsWithIPv6 == [101])
        #expect(lane.host.links[8]?.own == 1 && lane.host.links[8]?.peer == 2)
        let table = try lane.table(PA_IPV6, pa_ipv6_module_v1.self)
        let memory = lane.host.memory
        var parameters = pa_ipv6_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_ipv6_parameters_v1>.size)
        parameters.prefix = 64
        parameters.address = .ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)
        parameters.gateway = .ipv6(0xfe80, 0, 0, 0, 0, 0, 0, 1)
        parameters.dns = UnsafePointer(memory.array([pa_address_v1.ipv6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 53)]))
        parameters.dns_count = 1
        parameters.mtu = 1400
        parameters.domain = memory.text("lab")
        table.changed(lane.state, 31, &parameters)
        table.changed(lane.state, 31, nil)
        #expect(
            lane.host.said() == [
                "log 2 IPv6 of 31 2001:db8:0:0:0:0:0:7/64 fe80:0:0:0:0:0:0:1 "
                    + "[\"2001:db8:0:0:0:0:0:35\"] lab 1400",
                "log 2 IPv6 of 31 -",
            ])
    }

    @Test func `a password is changed by what it will be proved by`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let said = try lane.inCall { lane in
            var evidence = Evidence(.softEther, protocolName: "Test")
            evidence.name = Array("alice".utf8)
            evidence.secret = [1, 2]
            let new = NewPassword(softEther: [3], ntHash: [4])
            #expect((try? lane.services.change(evidence, to: new, token: 31))?.rawValue == 101)
        }
        #expect(said == ["change alice from 3 0102 to 03 04 as 31"])
    }

    @Test func `answers about sessions come in`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_SESSION, pa_session_module_v1.self)
        let memory = lane.host.memory
        var parameters = pa_session_parameters_v1()
        parameters.size = UInt32(MemoryLayout<pa_session_parameters_v1>.size)
        parameters.prefix = 24
        parameters.address = .ipv4(192, 168, 30, 10)
        parameters.gateway = .ipv4(192, 168, 30, 1)
        parameters.dns = UnsafePointer(memory.array([pa_address_v1.ipv4(9, 9, 9, 9)]))
        parameters.dns_count = 1
        var route = pa_route_v1()
        route.family = UInt8(PA_FAMILY_IPV4)
        route.prefix = 8
        route.network.0 = 10
        parameters.routes = UnsafePointer(memory.array([route]))
        parameters.route_count = 1
        parameters.lease_seconds = 7200
        parameters.mtu = 1500
        parameters.domain = memory.text("lab")
        table.opened(lane.state, 31, 8, &parameters)
        table.opened(lane.state, 32, 9, nil)
        table.refused(lane.state, 33, PA_REASON_NO_ADDRESS, "no lease")
        table.closed(lane.state, 31, PA_REASON_ADMINISTRATOR, nil)
        #expect(
            lane.host.said() == [
                "log 2 opened 31 8 192.168.30.10/24 192.168.30.1 [\"9.9.9.9\"] lab [\"10.0.0.0/8\"] "
                    + "7200.0 seconds 1500",
                "log 2 opened 32 9", "log 2 refused 33 8 no lease", "log 2 session closed 31 6 -",
            ])
    }

    @Test func `frames are sealed, sent and written; what cannot be is left out`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        RecorderLane.frameScript = { _, frame, index in index != 1 && frame.growBack(1) }
        let memory = lane.host.memory
        let batch = memory.array([
            memory.slice([1], tailroom: 1), memory.slice([2], tailroom: 1), memory.slice([3]),
            memory.slice([4], tailroom: 2),
        ])
        try lane.table(PA_SESSION, pa_session_module_v1.self).transmit(lane.state, 31, batch, 4)
        #expect(
            lane.host.said() == [
                "log 2 transmit 4 to 31", "send 4 01ee any -> 198.51.100.7:5000",
                "send 4 04ee any -> 198.51.100.7:5000", "write 5: 01ee 04ee",
            ])
    }

    @Test func `more frames than one call takes are sent in several`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let memory = lane.host.memory
        let batch = memory.array((0..<600).map { memory.slice([UInt8(truncatingIfNeeded: $0)]) })
        try lane.table(PA_SESSION, pa_session_module_v1.self).transmit(lane.state, 31, batch, 600)
        let sent = lane.host.said().filter { $0.hasPrefix("send 4") }
        #expect(sent.count == 600)
        #expect(sent.last == "send 4 57 any -> 198.51.100.7:5000")
    }

    @Test func `gathered frames go to the hub together`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        RecorderLane.frameScript = { lane, packet, index in
            lane.queue.append(packet)
            if index == 1 { lane.services.receive(&lane.queue, from: SessionHandle(rawValue: 8)) }
            return false
        }
        #expect(try lane.receive().contains("frames 8: 010203 04"))
        let said = try lane.inCall { lane in
            #expect(lane.services.receive(&lane.queue, from: SessionHandle(rawValue: 8)) == .ok)
        }
        #expect(said == [])
    }

    // MARK: Handover

    private static let taking: pa_handover_sink = { context, record in
        let record = record!.pointee
        let host = FakeHost.of(OpaquePointer(context!))
        host.say(
            "record \(record.connection) version \(record.version) \([UInt8](record.octets)) "
                + "\(record.held[1].kind) \(record.held[1].handle) \(record.held[2].token) "
                + "\(record.object_count)")
        return PA_OK
    }

    @Test func `connections leave for another instance`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_HANDOVER, pa_handover_module_v1.self)
        #expect(table.newest == 3 && table.oldest == 2)
        let context = UnsafeMutableRawPointer(lane.host.lane)
        #expect(table.export_lane(lane.state, Self.taking, context) == PA_OK)
        #expect(lane.host.said() == ["record 77 version 3 [1, 2, 3] 1 12 23 0", "log 2 offered taken"])
        #expect(table.export_lane(lane.state, { _, _ in PA_ERROR_REFUSED }, nil) == PA_OK)
        #expect(lane.host.said() == ["log 2 offered stays", "log 2 next stays"])
        #expect(table.export_lane(lane.state, { _, _ in PA_ERROR_LIMIT }, nil) == PA_OK)
        #expect(lane.host.said() == ["log 2 offered later"])
        #expect(table.remaining(lane.state) == 5)
    }

    @Test func `what was refused is known for as long as the export lasts`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_HANDOVER, pa_handover_module_v1.self)
        let full: pa_handover_sink = { _, record in
            record!.pointee.connection == 77 ? PA_ERROR_REFUSED : PA_ERROR_LIMIT
        }
        #expect(table.export_lane(lane.state, full, nil) == PA_OK)
        #expect(lane.host.said() == ["log 2 offered stays", "log 2 next later"])
        for answer in ["later", "later"] {
            #expect(table.export_lane(lane.state, full, nil) == PA_OK)
            #expect(lane.host.said() == ["log 2 next \(answer)"])
        }
        #expect(table.export_lane(lane.state, { _, _ in PA_OK }, nil) == PA_OK)
        #expect(lane.host.said() == ["log 2 next taken"])
        #expect(table.export_lane(lane.state, full, nil) == PA_OK)
        #expect(lane.host.said() == ["log 2 offered stays", "log 2 next later"])
    }

    @Test func `connections arrive from another instance`() throws {
        let lane = try Lane()
        defer { lane.module.end() }
        let table = try lane.table(PA_HANDOVER, pa_handover_module_v1.self)
        let memory = lane.host.memory
        let held = UnsafeMutablePointer(
            mutating: memory.array([
                pa_held_v1(kind: PA_HELD_SESSION, reserved: 0, handle: 11, token: 1),
                pa_held_v1(kind: 99, reserved: 0, handle: 12, token: 2),
                pa_held_v1(kind: PA_HELD_STREAM, reserved: 0, handle: 12, token: 3),
            ]))
        var record = pa_handover_record_v1()
        record.size = UInt32(MemoryLayout<pa_handover_record_v1>.size)
        record.version = 3
        record.connection = 77
        record.octets = memory.octets([5])
        record.held = held
        record.held_count = 3
        #expect(table.import(lane.state, &record) == PA_OK)
        #expect(lane.host.said() == ["log 2 import 77 [5] session 11 1, stream 12 3"])
        #expect((0..<3).map { held[$0].token } == [1, 2, 99])
        record.version = 1
        #expect(table.import(lane.state, &record) == PA_ERROR_REFUSED)
    }
}
