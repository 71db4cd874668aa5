#if os(Linux)
import Glibc
import NetworkNamespace
import Testing
import Wire

@testable import LocalBridge

/// In network namespaces of their own.
@Suite(.serialized) struct LocalBridgeTests {
    static let host = MACAddress(0x0200_0000_0001)
    static let peer = MACAddress(0x0200_0000_0002)

    /// The next frame that `accept` takes.
    static func next(
        _ device: FrameDevice, within milliseconds: Int32 = 1000, where accept: ([UInt8]) -> Bool
    ) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 2048)
        for _ in 0..<100 {
            var poll = pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, milliseconds) == 1 else { return nil }
            let length = buffer.withUnsafeMutableBytes { device.receive(into: $0) }
            if let length, accept(Array(buffer[..<length])) { return Array(buffer[..<length]) }
        }
        return nil
    }

    static func send(_ frame: [UInt8], through device: FrameDevice) {
        let isSent = device.send(frame.rawSpan)
        #expect(isSent)
    }

    /// Two interfaces with a cable between them, once frames cross it: the kernel drops what is sent before
    /// it has noticed the carrier.
    static func pair() throws -> (near: FrameDevice, far: FrameDevice) {
        try NetworkNamespace.ip("link add near address \(host) type veth peer name far address \(peer)")
        let (near, far) = (try LocalBridge.openInterface("near"), try LocalBridge.openInterface("far"))
        let knock: [UInt8] = peer.octets + host.octets + [0x88, 0xb6] + [UInt8](repeating: 0, count: 50)
        for _ in 0..<500 {
            send(knock, through: near)
            if next(far, within: 10, where: { $0 == knock }) != nil { break }
        }
        return (near, far)
    }

    @Test func `the kernel behind a TAP device answers ARP for its address`() throws {
        try NetworkNamespace.run {
            let subnet = try #require(IPv4Subnet("192.0.2.1/24"))
            let device = try LocalBridge.openTAP(
                "tap-test", LocalBridge.TAPSettings(address: subnet, mac: Self.host, mtu: 1400))
            #expect(try Interface("tap-test").mtu() == 1400)
            let asker = try #require(IPv4Address("192.0.2.9"))
            let question = ARPPacket.request(for: subnet.address, from: Self.peer, asker)
            Self.send(question.frame(to: .broadcast), through: device)
            let expected = question.reply(from: Self.host).frame(to: Self.peer)
            #expect(Self.next(device) { $0 == expected } != nil)
        }
    }

    @Test func `a TAP device goes when it is closed`() throws {
        try NetworkNamespace.run {
            let device = try LocalBridge.openTAP("tap-test")
            #expect(Interface.names().contains("tap-test"))
            device.close()
            device.close()
            #expect(device.descriptor == -1)
            #expect(!Interface.names().contains("tap-test"))
        }
    }

    @Test func `a persistent TAP device is taken and stays`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("tuntap add tap-test mode tap")
            try LocalBridge.openTAP("tap-test").close()
            #expect(Interface.names().contains("tap-test"))
        }
    }

    @Test func `frames cross an interface as they were sent`() throws {
        try NetworkNamespace.run {
            let (near, far) = try Self.pair()
            let frame: [UInt8] = Self.peer.octets + Self.host.octets + [0x88, 0xb5] + Array(0..<100)
            Self.send(frame, through: near)
            #expect(Self.next(far) { $0 == frame } != nil)
        }
    }

    @Test func `a VLAN tag that the kernel took off is put back`() throws {
        try NetworkNamespace.run {
            let (near, far) = try Self.pair()
            let tag: [UInt8] = [0x81, 0x00, 0x20, 0x07]
            let frame = Self.peer.octets + Self.host.octets + tag + [0x88, 0xb5] + Array(0..<100)
            Self.send(frame, through: near)
            #expect(Self.next(far) { $0 == frame } != nil)
        }
    }

    @Test func `a checksum that was left to the network card is computed`() throws {
        try NetworkNamespace.run {
            let (_, far) = try Self.pair()
            try NetworkNamespace.ip("address add 192.0.2.1/24 dev near")
            try NetworkNamespace.ip("neighbour add 192.0.2.2 lladdr \(Self.peer) dev near")
            let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(4242).bigEndian
            address.sin_addr.s_addr = UInt32(0xc000_0202).bigEndian
            let sent = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(socket, "question", 8, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(sent == 8)
            let frame = try #require(Self.next(far) { $0.count == 50 && $0[23] == 17 })
            guard let packet = IPv4Packet(frame.rawSpan.extracting(droppingFirst: 14)),
                let datagram = UDPDatagram(packet.payload)
            else {
                Issue.record("not a datagram")
                return
            }
            let (checksum, isValid) = (
                datagram.checksum, datagram.hasValidChecksum(from: packet.source, to: packet.destination)
            )
            #expect(checksum != 0 && isValid)
        }
    }

    @Test func `what the host itself sends does not come in`() throws {
        try NetworkNamespace.run {
            let (near, far) = try Self.pair()
            let frame: [UInt8] = Self.peer.octets + Self.host.octets + [0x88, 0xb5] + Array(0..<100)
            let answer: [UInt8] = Self.host.octets + Self.peer.octets + [0x88, 0xb5] + Array(0..<100)
            Self.send(frame, through: near)
            Self.send(answer, through: far)
            let first = Self.next(near) { $0[12...13] == [0x88, 0xb5] }
            #expect(first == answer)
        }
    }

    @Test func `offloads are off while the interface is open and on again afterwards`() throws {
        try NetworkNamespace.run {
            try NetworkNamespace.ip("link add near type veth peer name far")
            let interface = try Interface("near")
            interface.setOffloads(.gro, on: true)
            let before = interface.offloads
            #expect(before.contains(.gro))
            let device = try LocalBridge.openInterface("near")
            #expect(interface.offloads.isEmpty)
            #expect(device.advisories == [])
            device.close()
            #expect(interface.offloads == before)

            try NetworkNamespace.ip("address add 192.0.2.1/24 dev near")
            let advisories = try LocalBridge.openInterface("near").advisories
            #expect(advisories.count == 1 && advisories[0].contains("has an address of this host"))
        }
    }

    @Test func `a refusal names the thing and what would be accepted`() throws {
        try NetworkNamespace.run {
            let missing = #expect(throws: BridgeError.self) { try LocalBridge.openInterface("eth9") }
            #expect(missing?.description == "interface \"eth9\" does not exist; this host has: lo")
            #expect(throws: BridgeError.notEthernet("lo")) { try LocalBridge.openInterface("lo") }
            try NetworkNamespace.ip("link add near type veth peer name far")
            #expect(throws: BridgeError.notTAP("near")) { try LocalBridge.openTAP("near") }
            let held = try LocalBridge.openTAP("tap-test")
            #expect(throws: BridgeError.busy("tap-test")) { try LocalBridge.openTAP("tap-test") }
            held.close()
        }
    }
}
#endif
