import EngineParts
import L2TP
import PluginABI
import Wire

/// What a peer has of L2TPv3.
struct L2TPv3State {
    /// Connections of one peer at once: a restarted peer's old one, and some more.
    static let maxConnections = 4
    /// UDP, flags and version, session id, cookie and sublayer.
    static let maxHeader = L2TPPort.headerLength + 4 + 4 + 8 + 4

    var connections: [ControlConnection] = []
    /// Which of them has the place on a hub, or wants it.
    var owner: UInt32?
    /// By what the peer's newest messages came.
    var service = Service.l2tpIP
    /// From what port they came.
    var remotePort: UInt16 = 1701
    /// The established session, for the data path, and what stands in front of its frames.
    private(set) var session: L2TPv3Session?
    private var header: [UInt8] = []

    mutating func use(_ session: L2TPv3Session?) {
        self.session = session
        header = session?.header ?? []
    }

    func index(of connection: UInt32) -> Int? { connections.firstIndex { $0.localID == connection } }

    var deadline: Instant? { connections.compactMap(\.deadline).min() }

    /// Makes a packet of the session of a frame. False: there is no session, or no room.
    func seal(_ slice: inout pa_slice_v1) -> Bool {
        guard let session else { return false }
        let isUDP = session.transport == .udp
        let added = header.count + (isUDP ? L2TPPort.headerLength : 0)
        guard unsafe Int(slice.headroom) >= added else { return false }
        unsafe slice.extendFront(header.count)
        for index in header.indices { unsafe slice.start[index] = header[index] }
        if isUDP { unsafe L2TPPort.seal(&slice, to: remotePort) }
        return true
    }
}
