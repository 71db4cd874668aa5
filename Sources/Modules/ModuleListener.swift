import Lanes
import PluginABI
import Synchronization

/// One listener of a module on all lanes. Its handle is the same everywhere; a stream listener may be shared
/// with others.
final class ModuleListener: @unchecked Sendable {
    let url: ListenURL
    let handle: UInt64
    let local: Endpoint
    private let datagrams: DatagramListener?
    private let lanes: [ModuleLane]

    private static let lastHandle = Atomic<UInt64>(0)

    /// [control] Opens a listener as plugins.conf writes it.
    init(_ url: ListenURL, of instance: ModuleInstance, pinning: UInt32? = nil) throws(ModuleFault) {
        let handle = Self.lastHandle.wrappingAdd(1, ordering: .relaxed).newValue
        self.url = url
        self.handle = handle
        let place = "module \(instance.name) cannot listen on \(url)"
        if url.scheme == .tcp || url.scheme == .tls {
            guard unsafe instance.tables.stream != nil else {
                throw .configuration("\(place): the module takes no streams")
            }
            do { local = try instance.streams.add(instance, at: url) } catch {
                throw .configuration("\(place): \(error)")
            }
            (datagrams, lanes) = (nil, [])
            return
        }
        guard let endpoint = Endpoint(host: url.address, port: url.scheme == .ip ? 0 : url.port) else {
            throw .configuration("\(place): \"\(url.address)\" is no numeric address")
        }
        guard let table = unsafe instance.tables.datagram else {
            throw .configuration("\(place): the module takes no datagrams")
        }
        let transport: DatagramOptions.Transport =
            url.scheme == .ip ? .rawIP(protocolNumber: UInt8(url.port)) : .udp
        let wanted = unsafe pinning ?? table.pointee.pinning(instance.entry.pointee.state, url.description)
        let options = DatagramOptions(
            endpoint, transport: transport, pinning: wanted == PA_PIN_SOURCE ? .source : .flow)
        let lanes = instance.lanes
        self.lanes = lanes
        do {
            let opened = try instance.group.listen(options) { socket in
                DatagramPort(handle, socket: socket, on: lanes[socket.lane.index])
            }
            (datagrams, local) = (opened, opened.local)
        } catch {
            throw .configuration("\(place): \(error)")
        }
    }

    var isStream: Bool { datagrams == nil }

    /// With the port that was chosen.
    var boundDescription: String { "\(url.scheme.rawValue)://\(local)" }

    /// The handle is void then. A stream listener is closed when the last module has left it.
    func close() {
        datagrams?.close()
        for lane in lanes { lane.lane.post { [handle] _ in lane.datagramPorts[handle] = nil } }
    }
}

/// A datagram listener on one lane.
final class DatagramPort: DatagramHandler {
    let socket: DatagramSocket
    private let handle: UInt64
    private let owner: ModuleLane

    /// [lane] Tells the module.
    init(_ handle: UInt64, socket: DatagramSocket, on owner: ModuleLane) {
        self.handle = handle
        self.socket = socket
        self.owner = owner
        owner.datagramPorts[handle] = self
        var local = socket.local.address
        if owner.isOpen, let table = unsafe owner.tables.datagram {
            unsafe table.pointee.listening(owner.state, handle, &local)
        }
    }

    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        guard owner.isOpen, let table = unsafe owner.tables.datagram else { return }
        unsafe table.pointee.received(owner.state, handle, batch.baseAddress, UInt32(batch.count))
    }
}
