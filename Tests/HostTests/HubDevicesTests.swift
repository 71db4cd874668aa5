#if os(Linux)
import Accounts
import Glibc
import NetworkNamespace
import Testing

@testable import polyhubd

/// Bridges of a hub, in network namespaces of their own.
@Suite struct HubDevicesTests {
    private func withBridge(
        to device: String, _ kind: Bridge.Kind, _ body: @escaping @Sendable (HostFixture) throws -> Void
    ) throws {
        try NetworkNamespace.run {
            let host = try HostFixture()
            try host.store.addBridge(Bridge(hub: host.hub, kind: kind, device: device))
            try body(host)
        }
    }

    /// Until the lane has seen that the device is gone; an interface that went down first is looked at
    /// again after a second.
    private static func waitForEnd(of device: String, _ host: HostFixture) {
        for _ in 0..<1000 where host.devices.problem(ofBridge: device, in: host.hub) == nil {
            poll(nil, 0, 10)
        }
    }

    @Test(arguments: [Bridge.Kind.interface, .tap])
    func `a bridge whose interface is removed is down, and up again when it is there again`(
        kind: Bridge.Kind
    ) throws {
        try withBridge(to: "one", kind) { host in
            let make = "link add one type veth peer name two"
            if kind == .interface { try NetworkNamespace.ip(make) }
            host.devices.update(host.hub)
            #expect(host.devices.problem(ofBridge: "one", in: host.hub) == nil)
            #expect(host.devices.ports(of: host.hub).map(\.name) == ["bridge:one"])

            try NetworkNamespace.ip("link delete one")
            Self.waitForEnd(of: "one", host)
            let problem = host.devices.problem(ofBridge: "one", in: host.hub)
            #expect(problem == "one: cannot use a frame device: No such device")
            #expect(host.devices.ports(of: host.hub).isEmpty)
            if kind == .interface {
                host.devices.lookAgain()
                #expect(try host.events("bridge-down", "bridge-failed") == ["bridge-down", "bridge-failed"])
                try NetworkNamespace.ip(make)
            }
            host.devices.lookAgain()
            #expect(host.devices.problem(ofBridge: "one", in: host.hub) == nil)
            #expect(host.devices.ports(of: host.hub).map(\.name) == ["bridge:one"])
            #expect(try host.events("bridge-up").count == 2)
            #expect(try host.events("bridge-down").count == 1)
        }
    }

    @Test func `an interface that comes late is bridged then, and its lack is told once`() throws {
        try withBridge(to: "one", .interface) { host in
            host.devices.update(host.hub)
            host.devices.lookAgain()
            // Other interfaces come and go; that is no news of this one.
            try NetworkNamespace.ip("link add three type veth peer name four")
            host.devices.lookAgain()
            #expect(try host.events("bridge-failed", "bridge-up") == ["bridge-failed"])
            #expect(host.devices.problem(ofBridge: "one", in: host.hub)?.contains("does not exist") == true)

            try NetworkNamespace.ip("link add one type veth peer name two")
            host.devices.lookAgain()
            #expect(host.devices.problem(ofBridge: "one", in: host.hub) == nil)
            #expect(try host.events("bridge-failed", "bridge-up") == ["bridge-failed", "bridge-up"])
        }
    }

    @Test func `a bridge that is removed while its interface is gone is not looked for`() throws {
        try withBridge(to: "one", .interface) { host in
            host.devices.update(host.hub)
            try host.store.removeBridge("one", from: host.hub)
            host.devices.update(host.hub)
            try NetworkNamespace.ip("link add one type veth peer name two")
            host.devices.lookAgain()
            #expect(host.devices.ports(of: host.hub).isEmpty)
        }
    }
}
#endif
