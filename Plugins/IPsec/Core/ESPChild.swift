import ESP
import IKEv1
import OpenSSL
import PluginABI
import Wire

/// A pair of ESP SAs at work.
final class ESPChild {
    let agreed: ChildSA
    let inbound: InboundSA
    let outbound: OutboundSA
    unowned let peer: Peer
    var isActive = false
    /// Where the peer's packets come from: behind a NAT it may change.
    var path: IKEPath
    /// In tunnel mode: between whom inner packets travel, as the peer's last one said.
    var inner: (local: IPv4Address, remote: IPv4Address)?
    /// When IKE is told next that the peer lives: not with each packet.
    var noteAt = Instant(nanoseconds: 0)
    static let noteInterval: Duration = .seconds(1)
    /// A successor was asked for because of what this one has carried.
    var askedForSuccessor = false

    convenience init(_ agreed: ChildSA, _ peer: Peer, path: IKEPath) throws(OpenSSLError) {
        self.init(
            agreed, peer, try InboundSA(spi: agreed.spi, agreed.suite.esp, keys: agreed.inboundKeys),
            try OutboundSA(spi: agreed.peerSPI, agreed.suite.esp, keys: agreed.outboundKeys), path: path)
    }

    init(_ agreed: ChildSA, _ peer: Peer, _ inbound: InboundSA, _ outbound: OutboundSA, path: IKEPath) {
        self.agreed = agreed
        self.peer = peer
        self.inbound = inbound
        self.outbound = outbound
        self.path = path
        guard let local = agreed.localSelector?.ipv4, let remote = agreed.remoteSelector?.ipv4 else { return }
        inner = (local, remote)
    }

    var isTunnel: Bool { agreed.suite.mode.isTunnel }

    /// Whether what it was agreed for includes a service.
    func carries(_ service: Service) -> Bool {
        let selectors = [agreed.localSelector, agreed.remoteSelector].compactMap { $0 }
        return selectors.allSatisfy { service.fits($0) }
    }

    var hasCarriedEnough: Bool {
        outbound.isNearlyExhausted || inbound.octets >= agreed.softOctets
            || outbound.octets >= agreed.softOctets
    }
}

/// What travels in ESP. The raw value is the place in a peer's table of ways out.
enum Service: Int, CaseIterable {
    case etherIP
    /// L2TPv3 over IP protocol 115.
    case l2tpIP
    /// L2TP over port 1701.
    case l2tpUDP

    var protocolNumber: IPProtocol {
        switch self {
        case .etherIP: .etherIP
        case .l2tpIP: .l2tp
        case .l2tpUDP: .udp
        }
    }

    /// A selector's protocol or port of zero is any. The peer's port is its own affair.
    func fits(_ selector: Identification) -> Bool {
        selector.protocolNumber == 0 || selector.protocolNumber == protocolNumber.rawValue
    }
}
