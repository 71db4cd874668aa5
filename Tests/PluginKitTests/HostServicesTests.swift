import FakeHost
import PluginABI
import Testing
import Wire

@testable import PluginKit

/// What the host gives on control threads.
@Suite struct HostServicesTests {
    let host = FakeHost()
    var services: HostServices { HostServices(host.table) }

    @Test func `options come typed; left out is nil; another type is an error`() throws {
        host.options = [
            "s": .string("text"), "i": .integer(-3), "b": .boolean(true), "l": .strings(["a", "b"]),
        ]
        #expect(try services.string("s") == "text")
        #expect(try services.integer("i") == -3)
        #expect(try services.boolean("b"))
        #expect(try services.strings("l") == ["a", "b"])
        #expect(try services.string("x") == nil)
        #expect(try services.integer("x") == nil)
        #expect(try services.boolean("x") == false)
        #expect(try services.strings("x") == [])
        #expect(throws: Status.argument) { try services.string("i") }
        #expect(throws: Status.argument) { try services.strings("s") }
    }

    @Test func `what is stored is found again, and nothing removes it`() throws {
        #expect(try services.stored("key") == nil)
        try services.store([1, 2], as: "key")
        #expect(try services.stored("key") == [1, 2])
        try services.store([], as: "key")
        #expect(try services.stored("key") == nil)
    }

    @Test func `the certificate, the name, random octets`() throws {
        let certificate = try services.serverCertificate()
        #expect(certificate.chain == Array("chain".utf8))
        #expect(certificate.key == Array("key".utf8))
        #expect(certificate.trust == Array("trust".utf8))
        #expect(try services.publicName() == "vpn.example.org")
        #expect(try services.random(4) == [0, 1, 2, 3])
    }

    @Test func `listeners and metrics`() throws {
        let socket = try services.openListener("udp://127.0.0.1:0", pinning: .source)
        #expect(try services.localAddress(of: socket).description == "192.0.2.1:1194")
        try services.closeListener(socket)
        #expect(try services.declareCounter("c", help: "") == Metric(rawValue: 7))
        #expect(try services.declareGauge("g", help: "") == Metric(rawValue: 7))
        #expect(
            host.said() == ["open udp://127.0.0.1:0 pinned 2", "close 101", "declare c 1", "declare g 2"])
    }

    @Test func `a poor host is no error until something is wanted of it`() throws {
        host.lacking = [
            PA_STORE, PA_METRIC, PA_OPTION, PA_CERTIFICATE, PA_TIMER, PA_DATAGRAM, PA_LOG, PA_PERMISSION,
            PA_PASSWORD, PA_PSK, PA_IPV6, PA_IPV6_LINK,
        ]
        #expect(services.capabilities == [.streams, .authentication, .sessions])
        services.log(.error, "to nobody")
        #expect(try services.declareCounter("c", help: "") == .unkept)
        #expect(throws: Status.unsupported) { try services.stored("key") }
        #expect(throws: Status.unsupported) { try services.string("s") }
        #expect(throws: Status.unsupported) { try services.publicName() }
        #expect(throws: Status.unsupported) { try services.random(1) }
        #expect(throws: Status.unsupported) { try services.openListener("udp://127.0.0.1:0") }
        #expect(host.said() == [])
    }
}
