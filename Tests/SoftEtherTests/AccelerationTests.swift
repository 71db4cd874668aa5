import OpenSSL
import Testing
import Wire

@testable import SoftEtherCore

/// What stands around a frame that a client seals, right or wrong.
private struct Envelope {
    var size: UInt16?
    var nonce: UInt8 = 0x40
    var padding = 0
}

/// What a client seals.
private func packet(
    _ context: borrowing AEADContext, cookie: UInt32, tick: UInt64, _ frame: [UInt8],
    _ envelope: Envelope = Envelope()
) -> [UInt8] {
    var bytes = (0..<12).map { envelope.nonce &+ $0 }
    bytes.appendBigEndian(cookie)
    bytes.appendBigEndian(tick)
    bytes.appendBigEndian(2000 as UInt64)
    bytes.appendBigEndian(envelope.size ?? UInt16(frame.count))
    bytes.append(0)
    bytes += frame + [UInt8](repeating: 0, count: envelope.padding + 16)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    let isSealed = context.seal(&raw, text: 12..<raw.byteCount - 16)
    precondition(isSealed)
    return bytes
}

extension Acceleration {
    fileprivate func open(_ bytes: [UInt8], at now: Instant) -> Opened {
        var bytes = bytes
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return open(&raw, at: now)
    }

    fileprivate func seal(_ frame: [UInt8], at now: Instant) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 35) + frame + [UInt8](repeating: 0, count: 16)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return seal(&raw, at: now) ? bytes : nil
    }
}

@Suite struct AccelerationTests {
    private let clientKey = [UInt8](0..<128)
    private let now = Instant(nanoseconds: 5_000_000_000)
    private let frame = [UInt8](repeating: 0x55, count: 60)

    private func acceleration(fast: Bool = false) throws -> Acceleration {
        var pack = Pack()
        pack.set("use_udp_acceleration", true)
        pack.set("udp_acceleration_max_version", 2 as UInt32)
        pack.set("udp_acceleration_client_port", 40000 as UInt32)
        pack.set("udp_acceleration_client_key_v2", clientKey)
        pack.set("support_udp_accel_fast_disconnect_detect", fast)
        var random = SplitMix64(seed: 3)
        let offer = try #require(AccelerationOffer(pack))
        let made = Acceleration(offer, random: &random, at: now)
        return try #require(made)
    }

    private func context() throws -> AEADContext {
        try AEADContext(.chaCha20Poly1305, key: Array(clientKey[..<32]).span.bytes, .encrypt)
    }

    @Test func `the description's vector`() throws {
        let sealed = packet(try context(), cookie: 0x1122_3344, tick: 1000, Array("ABC".utf8))
        #expect(
            sealed
                == hex(
                    """
                    404142434445464748494a4be9764fc5724aee0158cff5e8bbef6dcdb4cc64c844ff412ebc4faeb3a9de362c
                    96a51ebc0466d90daf4f
                    """))
    }

    @Test func `the real client's offer`() throws {
        let offer = try #require(AccelerationOffer(try pack(Captured.loginPack)))
        #expect(offer.port == 32778 && offer.isFast && offer.key.count == 128)
    }

    @Test func `version 1 alone is no offer`() {
        var pack = Pack()
        pack.set("use_udp_acceleration", true)
        pack.set("udp_acceleration_client_port", 40000 as UInt32)
        pack.set("udp_acceleration_client_key_v2", clientKey)
        #expect(AccelerationOffer(pack) == nil)
        pack.set("udp_acceleration_max_version", 2 as UInt32)
        #expect(AccelerationOffer(pack) != nil)
        pack.set("udp_acceleration_client_key_v2", [1, 2, 3])
        #expect(AccelerationOffer(pack) == nil)
    }

    @Test func `frames in and out`() throws {
        let server = try acceleration()
        let made = packet(try context(), cookie: server.cookie, tick: 1000, frame, Envelope(padding: 7))
        #expect(server.open(made, at: now) == .frame(35..<95))
        let sealed = try #require(server.seal(frame, at: now))
        #expect(sealed.count == 60 + 51)
        var told = Pack()
        server.describe(in: &told, port: 1)
        let key = try #require(told.octets("udp_acceleration_server_key_v2"))
        let opening = try AEADContext(.chaCha20Poly1305, key: Array(key[..<32]).span.bytes, .decrypt)
        var bytes = sealed
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let isOpen = opening.open(&raw, text: 12..<raw.byteCount - 16)
        #expect(isOpen)
        let inner = Array(bytes.dropFirst(12))
        let header = AccelerationPacket.Header(inner.rawSpan)
        #expect(header.cookie == server.peerCookie && header.cookie != server.cookie)
        #expect(header.peerTick == 1000 && header.size == 60 && header.tick == 1)
        #expect(Array(bytes[35..<95]) == frame)
        let next = try #require(server.seal([], at: now))
        #expect(Array(next[..<12]) == Array(sealed[12..<24]), "the next nonce is what was sealed last")
    }

    /// features.md §4.2, input 6.
    @Test func `what is not good is refused and changes nothing`() throws {
        let server = try acceleration()
        let context = try context()
        let good = packet(context, cookie: server.cookie, tick: 100_000, frame)
        for index in good.indices {
            var bad = good
            bad[index] ^= 1
            #expect(server.open(bad, at: now) == .refused)
        }
        for count in 0..<good.count { #expect(server.open(Array(good[..<count]), at: now) == .refused) }
        #expect(
            server.open(packet(context, cookie: server.peerCookie, tick: 100_000, frame), at: now) == .refused
        )
        #expect(server.open(packet(context, cookie: server.cookie, tick: 0, frame), at: now) == .refused)
        #expect(
            server.open(
                packet(context, cookie: server.cookie, tick: 100_000, frame, Envelope(size: 61)), at: now)
                == .refused)
        let reflected = try #require(server.seal(frame, at: now))
        #expect(server.open(reflected, at: now) == .refused)
        #expect(!server.isProved(at: now.advanced(by: .seconds(11))))
        #expect(server.open(good, at: now) == .frame(35..<95))
        #expect(server.open(good, at: now) == .refused, "a replay")
    }

    @Test func `ticks may be thirty seconds late, or early, and no more`() throws {
        let context = try context()
        for (tick, isGood) in [(70_000, true), (69_999, false), (130_000, true), (130_001, false)]
            as [(UInt64, Bool)]
        {
            let server = try acceleration()
            #expect(
                server.open(packet(context, cookie: server.cookie, tick: 100_000, frame), at: now) != .refused
            )
            let other = packet(context, cookie: server.cookie, tick: tick, frame, Envelope(nonce: 9))
            #expect((server.open(other, at: now) != .refused) == isGood, "tick \(tick)")
            // The clock was not poisoned.
            let next = packet(context, cookie: server.cookie, tick: 100_001, frame, Envelope(nonce: 77))
            #expect(server.open(next, at: now) != .refused)
        }
    }

    @Test func `what the window has forgotten is refused`() {
        var window = AccelerationWindow()
        let numbers = 1...UInt64(3 * AccelerationWindow.remembered)
        let first = numbers.map { window.accept(nonce: $0, tick: 1000 + $0, at: 1000 + $0) }
        #expect(first.allSatisfy { $0 })
        let again = numbers.map { window.accept(nonce: $0, tick: 1000 + $0, at: 5000) }
        #expect(!again.contains(true))
        let forgottenUntil = 1000 + UInt64(2 * AccelerationWindow.remembered)
        let forgotten = window.accept(nonce: .max, tick: forgottenUntil, at: 5000)
        #expect(!forgotten, "nobody knows any more whether it was there")
        let late = window.accept(nonce: .max, tick: forgottenUntil + 1, at: 5000)
        #expect(late, "late, but never seen")
    }

    @Test func `nonces that collide, and zero, are told from each other`() {
        var window = AccelerationWindow()
        let nonces: [UInt64] = (0..<64).map { $0 << 32 } + [1]
        let first = nonces.map { window.accept(nonce: $0, tick: 7, at: 7) }
        // Zero and one are the same to the window: a packet in 2^63 is lost.
        #expect(first == Array(repeating: true, count: 64) + [false])
        let again = nonces.map { window.accept(nonce: $0, tick: 7, at: 7) }
        #expect(!again.contains(true))
    }

    @Test(arguments: [(false, 8900, 9000), (true, 2000, 2100)])
    func `datagrams are used once they have come for ten seconds without a gap`(
        fast: Bool, pause: Int, gap: Int
    ) throws {
        let server = try acceleration(fast: fast)
        let context = try context()
        var time = now
        var number: UInt8 = 0
        func hear() -> Acceleration.Opened {
            number += 1
            let tick = UInt64(now.duration(to: time).components.seconds) * 1000 + UInt64(number)
            return server.open(
                packet(context, cookie: server.cookie, tick: tick, [], Envelope(nonce: number &* 16)),
                at: time)
        }
        #expect(hear() == .keepAlive)
        while now.duration(to: time) < .seconds(10) {
            #expect(!server.isProved(at: time))
            time = time.advanced(by: .milliseconds(pause))
            #expect(hear() == .keepAlive)
        }
        #expect(server.isProved(at: time))
        #expect(server.isProved(at: time.advanced(by: .milliseconds(pause))))
        time = time.advanced(by: .milliseconds(gap))
        #expect(!server.isProved(at: time))
        #expect(hear() == .keepAlive)
        #expect(!server.isProved(at: time), "from the beginning")
    }
}

/// Acceleration that goes on in another instance of the engine.
extension AccelerationTests {
    private func handedOver(_ acceleration: Acceleration) throws -> Acceleration {
        var octets: [UInt8] = []
        acceleration.serialize(into: &octets)
        var reader = ByteReader(octets.rawSpan)
        let taken = try Acceleration(parsing: &reader)
        #expect(reader.remaining == 0)
        var again: [UInt8] = []
        taken.serialize(into: &again)
        #expect(again == octets)
        return taken
    }

    @Test func `another instance goes on with cookies, keys, nonces and what has come`() throws {
        let former = try acceleration(fast: true)
        let context = try context()
        var packets: [[UInt8]] = []
        var moment = now
        for second in 1...11 as ClosedRange<UInt64> {
            moment = moment.advanced(by: .seconds(1))
            var envelope = Envelope()
            envelope.nonce = UInt8(second)
            packets.append(packet(context, cookie: former.cookie, tick: second * 1000, frame, envelope))
            #expect(former.open(packets.last!, at: moment) == .frame(35..<95))
        }
        #expect(former.isProved(at: moment))
        let next = try handedOver(former)
        #expect(next.isProved(at: moment) && next.isHeard(at: moment) && next.lastWasNewest)
        for packet in packets { #expect(next.open(packet, at: moment) == .refused, "seen before") }
        #expect(former.seal(frame, at: moment) == next.seal(frame, at: moment), "nonce, keys, ticks")
        #expect(!next.wantsKeepAlive(at: moment))
        #expect(!next.isProved(at: moment.advanced(by: .seconds(3))))
    }

    @Test func `a window that is full goes on where it was`() throws {
        let former = try acceleration()
        let context = try context()
        func envelope(_ number: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: UInt8(number % 251), count: 12)
            bytes[0] = UInt8(number >> 8)
            bytes[1] = UInt8(number & 255)
            bytes.appendBigEndian(former.cookie)
            bytes.appendBigEndian(UInt64(number))
            bytes += [UInt8](repeating: 0, count: 11 + 16)
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            #expect(context.seal(&raw, text: 12..<raw.byteCount - 16))
            return bytes
        }
        for number in 1...1500 { #expect(former.open(envelope(number), at: now) == .keepAlive) }
        let next = try handedOver(former)
        for number in [1, 476, 477, 1000, 1500] { #expect(next.open(envelope(number), at: now) == .refused) }
        for number in 1501...2600 { #expect(next.open(envelope(number), at: now) == .keepAlive) }
        #expect(next.open(envelope(1500), at: now) == .refused, "older than all that are remembered")
    }
}
