import Hub
import Lanes
import LocalBridge
import PluginABI
import Sessions
import Synchronization

/// The hub that forwards, apart from the accounts' record of it, which has the same name.
typealias EthernetHub = Hub

/// A hub's port onto a frame device: a TAP, a network interface, or SecureNAT's end of a socket pair.
/// Confined to its lane but for `open` and `close`.
final class DevicePort: @unchecked Sendable {
    let hub: Hub
    let device: FrameDevice
    private let hubLane: HubLane
    var laneIndex: Int { hubLane.lane.index }
    private var framePort: FramePort?
    private(set) var port: HubPort?
    /// [any] Why the device is gone, where it ended by itself: an interface that was removed, say.
    var problem: String? { ending.withLock { $0 } }
    private let ending = Mutex<String?>(nil)

    /// [control] Attaches the device to the hub on that lane.
    init(
        _ device: FrameDevice, to hub: Hub, as standing: HubPort.Standing, on hubLane: HubLane
    ) throws {
        self.device = device
        self.hub = hub
        self.hubLane = hubLane
        let failure =
            hubLane.lane.performAndWait { [self] _ in attach(as: standing) } ?? "the lane has stopped"
        if let failure { throw HostError("\(device.name) cannot be attached to hub \(hub.name): \(failure)") }
    }

    /// [control] Detaches and closes the device.
    func close() {
        _ = hubLane.lane.performAndWait { [self] _ in
            if let port { hubLane.switching.detach(port) }
            framePort?.close()
            framePort = nil
        }
    }

    /// [lane] Nil, or why it failed.
    private func attach(as standing: HubPort.Standing) -> String? {
        guard
            let port = hubLane.attach(
                to: hub, needs: HubPort.Needs(mtu: UInt16(clamping: device.mtu)), as: standing,
                sink: self)
        else { return "the hub has no port left" }
        self.port = port
        do {
            framePort = try hubLane.lane.attachFrameDevice(
                descriptor: device.descriptor, sending: device.sendingDescriptor,
                kind: .init(device.kind), handler: self)
            return nil
        } catch {
            hubLane.switching.detach(port)
            return "\(error)"
        }
    }
}

extension DevicePort: FrameHandler {
    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on framePort: FramePort) {
        guard let port else { return }
        unsafe hubLane.receive(frames, from: port)
    }

    func ended(_ framePort: FramePort, error: SocketError?) {
        if let error { ending.withLock { $0 = "\(device.name): \(error)" } }
        if let port { hubLane.switching.detach(port) }
        device.close()
    }
}

extension DevicePort: PortSink {
    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        unsafe framePort?.send(UnsafeBufferPointer(batch))
    }
}

extension FramePort.Kind {
    fileprivate init(_ kind: FrameDevice.Kind) {
        switch kind {
        case .tap: self = .tap
        case .networkInterface: self = .packetSocket
        case .socketPair: self = .socketPair
        }
    }
}
