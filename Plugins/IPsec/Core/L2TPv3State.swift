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
    /// When the server has asked to be called for this peer.
    var scheduledAt: Instant?

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

/// UDP to and from port 1701. The checksum is not computed: ESP says more than it could (RFC 3948 §3.1.2),
/// and zero means that there is none.
enum L2TPPort {
    static let headerLength = 8
    private static let number: UInt16 = 1701

    /// Takes the payload out of a datagram for our port. Nil: it is none; else the peer's port.
    static func open(_ slice: inout pa_slice_v1) -> UInt16? {
        let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        guard bytes.byteCount >= headerLength, bytes.bigEndian(at: 2, as: UInt16.self) == number else {
            return nil
        }
        let length = Int(bytes.bigEndian(at: 4, as: UInt16.self))
        guard length >= headerLength, length <= bytes.byteCount else { return nil }
        let port: UInt16 = bytes.bigEndian(at: 0)
        let behind = bytes.byteCount - length
        unsafe slice.dropLast(behind)
        unsafe slice.dropFirst(headerLength)
        return port
    }

    /// The caller has seen that there is room.
    static func seal(_ slice: inout pa_slice_v1, to port: UInt16) {
        unsafe slice.extendFront(headerLength)
        let start = unsafe UnsafeMutableRawPointer(slice.start)
        guard let start = unsafe start else { return }
        let length = UInt16(truncatingIfNeeded: unsafe slice.length)
        unsafe start.storeBytes(of: number.bigEndian, as: UInt16.self)
        unsafe start.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        unsafe start.storeBytes(of: length.bigEndian, toByteOffset: 4, as: UInt16.self)
        unsafe start.storeBytes(of: 0, toByteOffset: 6, as: UInt16.self)
    }
}
