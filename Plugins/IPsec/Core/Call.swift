import EngineParts
import L2TP
import OpenSSL
public import PPP
import PluginABI
import Wire

/// A PPP link in a session of L2TPv2, and how far its client has come: the engine's `IPsecServer+Calls` makes
/// all calls about it.
final class Call {
    /// L2TP and PPP in front of an IP packet, at most.
    static let maxHeader = L2TPHeader.maxDataLength + PPPHeader.maxLength

    let place: PlaceID
    unowned let peer: Peer
    /// Our ids.
    let tunnel: UInt16
    let session: Tunnel.Session
    /// The peer's.
    let remoteTunnel: UInt16
    let port: UInt16
    let hostName: String
    var link: Link
    /// Who the client says it is, once it has; for logs.
    var name = ""
    /// The question that is being decided.
    var ticket: UInt64?
    /// The host knows of it: there is an identity, or a session, that it shall take back.
    var isKnown = false
    /// The client has been told that it is accepted.
    var isProven = false
    /// A session is open.
    var hasSession = false
    /// Packets flow.
    private(set) var isOpen = false
    /// Those of IPv6 do.
    private(set) var isIPv6Open = false
    private var header: [UInt8] = []
    var ns: UInt16 = 0
    /// When the server has asked to be called for this call.
    var scheduledAt: Instant?

    init(_ place: PlaceID, _ peer: Peer, _ entry: L2TPState.Entry, _ session: Tunnel.Session, _ link: Link) {
        self.place = place
        self.peer = peer
        self.session = session
        self.link = link
        tunnel = entry.machine.localID
        remoteTunnel = entry.machine.remoteID
        hostName = entry.machine.hostName
        port = entry.port
    }

    func networkIsUp() {
        header = dataHeader(session.isSequenced ? 0 : nil) + link.dataHeader
        isOpen = true
    }

    func ipv6IsUp() { isIPv6Open = true }

    func networkIsDown() {
        isOpen = false
        isIPv6Open = false
    }

    /// What stands in front of the next PPP frame.
    func nextHeader() -> [UInt8] { dataHeader(session.isSequenced ? takeNumber() : nil) }

    private func dataHeader(_ ns: UInt16?) -> [UInt8] {
        L2TPHeader.data(tunnel: remoteTunnel, session: session.remoteID, ns: ns)
    }

    private func takeNumber() -> UInt16 {
        defer { ns &+= 1 }
        return ns
    }

    /// Makes a datagram of the session of an IP packet. False: packets do not flow, or there is no room.
    func seal(_ slice: inout pa_slice_v1) -> Bool {
        guard isOpen, unsafe slice.length > 0,
            unsafe Int(slice.headroom) >= Self.maxHeader + L2TPPort.headerLength
        else { return false }
        let first = unsafe slice.start[0]
        guard isIPv6Open || !PPPHeader.isIPv6(first) else { return false }
        unsafe slice.extendFront(header.count)
        for index in header.indices { unsafe slice.start[index] = header[index] }
        unsafe slice.start[header.count - 1] = PPPHeader.lastOctet(before: first)
        if session.isSequenced {
            let number = takeNumber()
            unsafe slice.start[L2TPHeader.numbersOffset] = UInt8(number >> 8)
            unsafe slice.start[L2TPHeader.numbersOffset + 1] = UInt8(truncatingIfNeeded: number)
        }
        unsafe L2TPPort.seal(&slice, to: port)
        return true
    }
}

/// How PPP clients are let in; the same for all of a lane.
public struct CallOptions: Sendable {
    /// In the order in which they are asked for.
    public var methods: [AuthenticationMethod]
    /// PPP links of a lane at once.
    public var maxCalls: Int
    /// Whether the host has IPv6 for clients.
    public var carriesIPv6: Bool
    /// For EAP-TLS, see `Link.Configuration`; `IPsecServer.present` changes it.
    var tls: TLSContext?

    public init(
        methods: [AuthenticationMethod] = [.msCHAPv2], maxCalls: Int = 30_000, carriesIPv6: Bool = false
    ) {
        self.carriesIPv6 = carriesIPv6
        self.methods = methods
        self.maxCalls = maxCalls
    }
}
