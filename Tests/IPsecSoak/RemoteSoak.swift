import Foundation
import IKEPeer
import IKEv1
import OpenSSL
import Wire

/// Peers that talk to a server over real sockets, up to 500 at each of several loopback addresses, which have
/// one socket each: whose an answer is, is said by the initiator's cookie in it.
final class RemoteSoak {
    private static let peersPerAddress = 500
    private static let port: UInt16 = 500
    /// On their way at once.
    private static let window = 64
    private static let patience: Duration = .seconds(1)

    private struct Member {
        let peer: IKEPeer
        let socket: Int32
        var lastSent: [UInt8]
        var sentAt: ContinuousClock.Instant
        var hasAsked = false
    }

    private let clock = ContinuousClock()
    private let secret: SecretBytes
    private var members: [UInt64: Member] = [:]
    private var waiting: Set<UInt64> = []
    private var sockets: [pollfd] = []
    private(set) var sentAgain = 0

    init(secret: [UInt8]) { self.secret = SecretBytes(copying: secret) }

    var established: Int { members.values.count { $0.peer.children.count == 1 } }
    var alive: Int { members.values.count { !$0.peer.isClosed } }

    /// Phase 1 and phase 2 of so many peers.
    func connect(_ count: Int) throws {
        var next = 0
        while next < count || !waiting.isEmpty {
            while next < count, waiting.count < Self.window {
                try begin(next)
                next += 1
            }
            try answer(milliseconds: 100)
            for cookie in waiting { try sendAgain(cookie) }
        }
    }

    /// Answers what the server asks.
    func hold(_ duration: Duration) throws {
        let end = clock.now + duration
        while clock.now < end { try answer(milliseconds: 100) }
    }

    private func begin(_ number: Int) throws {
        let host = UInt32(0x7f01_0001) + UInt32(number / Self.peersPerAddress)
        if number % Self.peersPerAddress == 0 { sockets.append(try Self.open(host)) }
        let path = IKEPath(
            socket: 1, remote: TransportAddress(ipv4: host, port: Self.port + 1000),
            local: TransportAddress(ipv4: 0x7f00_0001, port: Self.port), isEncapsulated: false)
        let peer = IKEPeer(path: path, random: SplitMix64(seed: UInt64(number)))
        peer.preSharedKey = secret
        peer.identity = Identification(.fqdn, Array("peer\(number).example".utf8))
        members[peer.cookies.initiator] = Member(
            peer: peer, socket: sockets[sockets.count - 1].fd, lastSent: [], sentAt: clock.now)
        waiting.insert(peer.cookies.initiator)
        send(peer.start(), peer.cookies.initiator)
    }

    private static func open(_ host: UInt32) throws -> pollfd {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var size: Int32 = 4 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        let isBound = withAddress(host, port + 1000) { bind(descriptor, $0, $1) }
        let isConnected = withAddress(0x7f00_0001, port) { Foundation.connect(descriptor, $0, $1) }
        guard isBound == 0, isConnected == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        return pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    }

    private static func withAddress(
        _ host: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = host.bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private func send(_ octets: [UInt8], _ cookie: UInt64) {
        guard let socket = members[cookie]?.socket else { return }
        members[cookie]?.lastSent = octets
        members[cookie]?.sentAt = clock.now
        _ = Foundation.send(socket, octets, octets.count, 0)
    }

    private func sendAgain(_ cookie: UInt64) throws {
        guard let member = members[cookie], clock.now > member.sentAt + Self.patience else { return }
        sentAgain += 1
        send(member.lastSent, cookie)
    }

    private func answer(milliseconds: Int32) throws {
        guard poll(&sockets, nfds_t(sockets.count), milliseconds) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        for entry in sockets where entry.revents & Int16(POLLIN) != 0 {
            while true {
                let count = recv(entry.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count >= 8 else { break }
                try receive(Array(buffer.prefix(count)))
            }
        }
    }

    private func receive(_ octets: [UInt8]) throws {
        let cookie = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        guard let member = members[cookie] else { return }
        for answer in try member.peer.receive(octets) { send(answer, cookie) }
        if member.peer.isEstablished, !member.hasAsked {
            members[cookie]?.hasAsked = true
            send(try member.peer.startQuickMode(), cookie)
        }
        if member.peer.children.count == 1 { waiting.remove(cookie) }
    }
}
