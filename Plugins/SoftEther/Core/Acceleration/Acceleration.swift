public import OpenSSL
public import Wire

/// UDP acceleration of one session, version 2: frames travel as datagrams beside the TCP connections for as
/// long as datagrams come through. Each side seals with the key that it has announced itself.
///
/// Version 1 (RC4 without authentication) and frames in the clear are not spoken: a client that can no more
/// goes on over TCP.
public final class Acceleration {
    public static let keyLength = 128
    /// Of a key only so much is used.
    public static let usedKeyLength = AEADAlgorithm.chaCha20Poly1305.keyLength
    /// Datagrams must have come for so long before frames are sent as such.
    static let provingTime: Duration = .seconds(10)
    /// After such a silence of ours, a datagram without a frame is due.
    static let silence: Duration = .milliseconds(500)

    /// What came of a datagram.
    public enum Opened: Equatable {
        /// The octets of a frame.
        case frame(Range<Int>)
        case compressed(Range<Int>)
        case keepAlive
        case refused
    }

    /// What both sides know of each other.
    struct Agreement {
        /// Good for datagrams to us, and to the client.
        let cookie: UInt32
        let peerCookie: UInt32
        /// Ours, and what is used of the client's.
        let key: SecretBytes
        let peerKey: SecretBytes
        /// Silence is noticed sooner.
        let isFast: Bool
    }

    let agreement: Agreement
    /// Good for datagrams to us.
    public var cookie: UInt32 { agreement.cookie }
    var peerCookie: UInt32 { agreement.peerCookie }
    public var peerKey: SecretBytes { agreement.peerKey }
    /// The longest gap between two datagrams from the client.
    let gap: Duration

    private let sealing: AEADContext
    private let opening: AEADContext
    /// Of 12 octets, big-endian.
    private(set) var nonce: (UInt64, UInt32)
    var window = AccelerationWindow()
    let epoch: Instant
    var heardAt: Instant?
    var provedSince: Instant?
    var sentAt: Instant?
    /// Whether no later datagram had come before the last one that was opened: where it came from is where
    /// the client is.
    public internal(set) var lastWasNewest = false

    /// `random` gives the cookies and our key.
    convenience init?(_ offer: AccelerationOffer, random: inout some RandomNumberGenerator, at now: Instant) {
        let key = SecretBytes(count: Self.keyLength) { key in
            for index in 0..<Self.keyLength {
                let octet = UInt8.random(in: 0...255, using: &random)
                key.storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
            }
        }
        let offered = offer.key
        let agreement = Agreement(
            cookie: UInt32.random(in: 1...UInt32.max / 2, using: &random),
            peerCookie: UInt32.random(in: UInt32.max / 2 + 1...UInt32.max, using: &random), key: key,
            peerKey: SecretBytes(copying: offered.bytes.extracting(first: Self.usedKeyLength)),
            isFast: offer.isFast)
        try? self.init(agreement, nonce: (random.next(), random.next()), epoch: now)
    }

    /// `nonce`: of the next datagram. `epoch`: when our ticks begin.
    init(_ agreement: Agreement, nonce: (UInt64, UInt32), epoch: Instant) throws(OpenSSLError) {
        self.agreement = agreement
        self.nonce = nonce
        self.epoch = epoch
        gap = agreement.isFast ? .milliseconds(2100) : .seconds(9)
        let ownKey = SecretBytes(copying: agreement.key.bytes.extracting(first: Self.usedKeyLength))
        sealing = try AEADContext(.chaCha20Poly1305, key: ownKey.bytes, .encrypt)
        opening = try AEADContext(.chaCha20Poly1305, key: agreement.peerKey.bytes, .decrypt)
    }

    /// Whether frames go as datagrams now: they have come without a gap for long enough.
    public func isProved(at now: Instant) -> Bool {
        guard let provedSince, let heardAt, heardAt.duration(to: now) < gap else { return false }
        return provedSince.duration(to: now) >= Self.provingTime
    }

    /// Whether a datagram has come within the longest gap.
    public func isHeard(at now: Instant) -> Bool { heardAt.map { $0.duration(to: now) < gap } ?? false }

    public func wantsKeepAlive(at now: Instant) -> Bool {
        guard let sentAt else { return true }
        return sentAt.duration(to: now) >= Self.silence
    }

    /// Decrypts in place and judges. Nothing changes where it is refused.
    public func open(_ packet: inout MutableRawSpan, at now: Instant) -> Opened {
        let count = packet.byteCount
        guard count >= AccelerationPacket.overhead,
            count <= AccelerationPacket.overhead + AccelerationPacket.maxFrame + AccelerationPacket.maxPadding
        else { return .refused }
        let nonce = packet.bytes.bigEndian(at: 0, as: UInt64.self)
        let text = AccelerationPacket.nonceLength..<count - AccelerationPacket.tagLength
        guard opening.open(&packet, text: text) else { return .refused }
        let inner = packet.bytes.extracting(text)
        let header = AccelerationPacket.Header(inner)
        guard header.cookie == cookie, header.tick > 0,
            Int(header.size) <= inner.byteCount - AccelerationPacket.headerLength,
            window.accept(nonce: nonce, tick: header.tick, at: tick(at: now))
        else { return .refused }
        lastWasNewest = window.newest == header.tick
        hear(at: now)
        guard header.size > 0 else { return .keepAlive }
        let start = AccelerationPacket.headroom
        let range = start..<start + Int(header.size)
        return header.isCompressed ? .compressed(range) : .frame(range)
    }

    /// `packet` is a frame (or nothing) with `headroom` octets in front and `tagLength` behind it, which
    /// become the rest of the datagram.
    public func seal(_ packet: inout MutableRawSpan, at now: Instant) -> Bool {
        let count = packet.byteCount
        let text = AccelerationPacket.nonceLength..<count - AccelerationPacket.tagLength
        let header = AccelerationPacket.Header(
            cookie: peerCookie, tick: tick(at: now), peerTick: window.newest,
            size: count - AccelerationPacket.overhead)
        packet.storeBytes(of: nonce.0.bigEndian, as: UInt64.self)
        packet.storeBytes(of: nonce.1.bigEndian, toByteOffset: 8, as: UInt32.self)
        header.write(to: &packet, at: text.lowerBound)
        guard sealing.seal(&packet, text: text) else { return false }
        // Every sealed text is as good as random, and never the same.
        nonce = (packet.bytes.bigEndian(at: text.lowerBound), packet.bytes.bigEndian(at: text.lowerBound + 8))
        sentAt = now
        return true
    }

    /// What a client is told of it.
    func describe(in pack: inout Pack, port: UInt16) {
        let key = agreement.key
        pack.set("use_udp_acceleration", true)
        pack.set("udp_acceleration_version", 2 as UInt32)
        // No address: where the client's TCP connection goes to.
        pack.set("udp_acceleration_server_ip", 0 as UInt32)
        pack.set("udp_acceleration_server_ip@ipv6_bool", false)
        pack.set("udp_acceleration_server_ip@ipv6_array", [UInt8](repeating: 0, count: 16))
        pack.set("udp_acceleration_server_ip@ipv6_scope_id", 0 as UInt32)
        pack.set("udp_acceleration_server_port", UInt32(port))
        // Of version 1, which is not spoken; clients want to see one.
        pack.set("udp_acceleration_server_key", [UInt8](repeating: 0, count: 20))
        pack.set("udp_acceleration_server_key_v2", Array(copying: key.bytes))
        pack.set("udp_acceleration_server_cookie", cookie)
        pack.set("udp_acceleration_client_cookie", peerCookie)
        pack.set("udp_acceleration_use_encryption", true)
        pack.set("use_hmac_on_udp_acceleration", false)
        pack.set("udp_accel_fast_disconnect_detect", agreement.isFast)
    }

    private func hear(at now: Instant) {
        if provedSince == nil || heardAt.map({ $0.duration(to: now) >= gap }) == true { provedSince = now }
        heardAt = now
    }

    /// Milliseconds, and never zero.
    private func tick(at now: Instant) -> UInt64 {
        now < epoch ? 1 : (now.nanoseconds - epoch.nanoseconds) / 1_000_000 + 1
    }
}

/// What a client's login says of UDP acceleration.
public struct AccelerationOffer: Sendable {
    let key: SecretBytes
    /// Where the client listens, as it knows it; a NAT may show another.
    public let port: UInt16
    /// Silence is noticed sooner.
    public let isFast: Bool

    /// Nil: the client does not offer it, or not version 2.
    init?(_ pack: Pack) {
        guard pack.truth("use_udp_acceleration"), (pack.integer("udp_acceleration_max_version") ?? 1) >= 2,
            let port = pack.integer("udp_acceleration_client_port"), (1...65_535).contains(port),
            let key = pack.octets("udp_acceleration_client_key_v2"), key.count == Acceleration.keyLength
        else { return nil }
        self.key = SecretBytes(copying: key)
        self.port = UInt16(port)
        isFast = pack.truth("support_udp_accel_fast_disconnect_detect")
    }
}
