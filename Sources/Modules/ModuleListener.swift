import Lanes
import PluginABI
import Synchronization

/// One listener of a module on all lanes. Its handle is the same everywhere; a stream listener may be shared
/// with others.
final class ModuleListener: @unchecked Sendable {
    let url: ListenURL
    let handle: UInt64
    let local: Endpoint
    /// The module has opened it at run time, with a pinning of its choice, and closes it: what plugins.conf
    /// says is no word on it.
    let isModules: Bool
    private let datagrams: DatagramListener?
    private let seats: [ModuleSeat]

    private static let lastHandle = Atomic<UInt64>(0)

    /// [control] Opens a listener as plugins.conf writes it, or the module, which then says how it is pinned.
    init(_ url: ListenURL, of instance: ModuleInstance, pinning: UInt32? = nil) throws(ModuleFault) {
        let handle = Self.lastHandle.wrappingAdd(1, ordering: .relaxed).newValue
        self.url = url
        self.handle = handle
        isModules = pinning != nil
        let place = "module \(instance.name) cannot listen on \(url)"
        if url.scheme == .tcp || url.scheme == .tls {
            guard unsafe instance.tables.stream != nil else {
                throw .configuration("\(place): the module takes no streams")
            }
            do { local = try instance.streams.add(instance, at: url) } catch {
                throw .configuration("\(place): \(error)")
            }
            (datagrams, seats) = (nil, [])
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
        let seats = instance.seats
        self.seats = seats
        do {
            let opened = try instance.group.listen(options) { socket in
                DatagramPort(handle, socket: socket, on: seats[socket.lane.index])
            }
            (datagrams, local) = (opened, opened.local)
        } catch {
            throw .configuration("\(place): \(error)")
        }
    }

    var isStream: Bool { datagrams == nil }

    /// With the port that was chosen; of raw IP, with the protocol's number.
    var boundDescription: String {
        url.scheme == .ip ? url.description : "\(url.scheme.rawValue)://\(local)"
    }

    /// The handle is void then. A stream listener is closed when the last module has left it.
    func close() {
        datagrams?.close()
        for seat in seats { seat.lane.post { [handle] _ in seat.datagramPorts[handle] = nil } }
    }
}

/// A datagram listener on one lane.
final class DatagramPort: DatagramHandler {
    let socket: DatagramSocket
    private let handle: UInt64
    private let seat: ModuleSeat

    /// [lane] Tells the module.
    init(_ handle: UInt64, socket: DatagramSocket, on seat: ModuleSeat) {
        self.handle = handle
        self.socket = socket
        self.seat = seat
        seat.datagramPorts[handle] = self
        if let current = seat.current { announce(to: current) }
    }

    /// [lane] Tells an instance that it may be used.
    func announce(to module: ModuleLane) {
        guard module.isOpen, let table = unsafe module.tables.datagram else { return }
        var local = socket.local.address
        unsafe table.pointee.listening(module.state, handle, &local)
    }

    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        unsafe seat.received(batch, on: handle)
    }
}
