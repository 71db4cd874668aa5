public import Wire

#if os(Linux)
import CLinux
#endif

/// Opens the host's end of a hub's port: a TAP device, or an Ethernet interface of the host by a packet
/// socket. Bridges nothing itself: whoever gets the `FrameDevice` carries the frames.
public enum LocalBridge {
    /// The kernel's end of a TAP device.
    public struct TAPSettings: Sendable {
        /// Given to the interface, so that the kernel is a host of the segment.
        public var address: IPv4Subnet?
        /// The kernel's own MAC; nil keeps the one that it made up.
        public var mac: MACAddress?
        public var mtu: Int

        public init(address: IPv4Subnet? = nil, mac: MACAddress? = nil, mtu: Int = 1500) {
            self.address = address
            self.mac = mac
            self.mtu = mtu
        }
    }
}

#if os(Linux)
extension LocalBridge {
    /// Opens TAP device `name` and brings it up. One that does not exist is made, and goes when it is closed;
    /// a persistent one stays.
    public static func openTAP(_ name: String, _ settings: TAPSettings = TAPSettings())
        throws(BridgeError) -> FrameDevice
    {
        let interface = try Interface(name)
        let descriptor = try interface.openTAP()
        let device = FrameDevice(kind: .tap, name: name, mtu: settings.mtu, owning: descriptor)
        if try interface.mtu() != settings.mtu { try interface.setMTU(settings.mtu) }
        if let mac = settings.mac { try interface.setMAC(mac) }
        if let address = settings.address { try interface.setAddress(address) }
        try interface.bringUp()
        return device
    }

    /// Opens interface `name` for all frames but the host's own, and brings it up. Offloads that merge what
    /// arrives are switched off while it is open; those that could not be are told in `advisories`.
    public static func openInterface(_ name: String) throws(BridgeError) -> FrameDevice {
        let interface = try Interface(name)
        guard let index = interface.index else {
            throw .noSuchInterface(name, existing: Interface.names())
        }
        guard interface.isEthernet else { throw .notEthernet(name) }
        let mtu = try interface.mtu()
        // A packet socket that is bound to an interface which is down begins with an error.
        try interface.bringUp()
        let descriptor = bridge_open_packet_socket(index)
        try Interface.check(descriptor, "open a packet socket on \"\(name)\"", need: "CAP_NET_RAW")

        let before = interface.offloads
        interface.setOffloads(before, on: false)
        let changed = before.subtracting(interface.offloads)
        let sending = bridge_open_sending_socket(index)
        var advisories = advisories(interface)
        if sending < 0 { advisories.append("each frame to \"\(name)\" leaves by itself: errno \(-sending)") }
        let device = FrameDevice(
            kind: .networkInterface, name: name, mtu: mtu, owning: descriptor, advisories: advisories,
            atClose: { interface.setOffloads(changed, on: true) })
        if sending >= 0 { device.send(by: sending) }
        return device
    }

    private static func advisories(_ interface: Interface) -> [String] {
        var advisories: [String] = []
        let (name, offloads) = (interface.name, interface.offloads)
        if !offloads.isEmpty {
            advisories.append(
                """
                interface "\(name)" merges frames (\(offloads)) and did not let it be switched off; frames \
                longer than its MTU will be dropped
                """)
        }
        if interface.hasAddress {
            advisories.append(
                """
                interface "\(name)" has an address of this host, which sessions of the hub cannot reach: \
                a packet socket sends to the wire only; bridge one without an address, or a TAP device
                """)
        }
        return advisories
    }
}
#else
extension LocalBridge {
    public static func openTAP(_ name: String, _ settings: TAPSettings = TAPSettings())
        throws(BridgeError) -> FrameDevice
    { throw .unsupportedSystem }

    public static func openInterface(_ name: String) throws(BridgeError) -> FrameDevice {
        throw .unsupportedSystem
    }
}
#endif
