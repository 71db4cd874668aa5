import Testing
import Wire

@testable import OpenVPNCore

@Suite struct SessionCookieTests {
    private let cookie: SessionCookie
    private let address = TransportAddress(ipv4: 0x0a00_0001, port: 1000)
    private let client = SessionID(42)
    private let now = Instant(nanoseconds: 100_000_000_000_000)

    init() throws { cookie = try SessionCookie(key: [UInt8](repeating: 5, count: 32)) }

    private func isValid(after seconds: Int) throws -> Bool {
        let session = try cookie.sessionID(for: client, at: address, now)
        return cookie.isValid(session, for: client, at: address, now.advanced(by: .seconds(seconds)))
    }

    /// Input 21.
    @Test func `a cookie is good in its slot and its neighbours, and expires`() throws {
        for seconds in [-30, -1, 0, 1, 30, 49] { #expect(try isValid(after: seconds), "\(seconds)") }
        for seconds in [-3600, -50, 60, 90, 86_400] { #expect(try !isValid(after: seconds), "\(seconds)") }
    }

    /// Input 21, CVE-2025-13086.
    @Test func `a cookie with any bit changed is refused`() throws {
        let session = try cookie.sessionID(for: client, at: address, now)
        for bit in 0..<64 {
            let changed = SessionID(session.rawValue ^ 1 << UInt64(bit))
            #expect(!cookie.isValid(changed, for: client, at: address, now))
        }
        #expect(!cookie.isValid(SessionID(0), for: client, at: address, now))
    }

    /// Input 21.
    @Test func `a cookie is for one address, one port and one client`() throws {
        let session = try cookie.sessionID(for: client, at: address, now)
        let others = [
            TransportAddress(ipv4: 0x0a00_0002, port: 1000), TransportAddress(ipv4: 0x0a00_0001, port: 1001),
            TransportAddress(ipv6High: 0, low: 0x0a00_0001, port: 1000),
            TransportAddress(ipv6High: 0, low: 0x0a00_0001, port: 1000, scope: 1),
        ]
        for other in others { #expect(!cookie.isValid(session, for: client, at: other, now)) }
        #expect(!cookie.isValid(session, for: SessionID(43), at: address, now))
    }

    @Test func `with the same key a later module knows it`() throws {
        let session = try cookie.sessionID(for: client, at: address, now)
        let successor = try SessionCookie(key: cookie.key)
        #expect(successor.isValid(session, for: client, at: address, now))
        let stranger = try SessionCookie(key: [UInt8](repeating: 6, count: 32))
        #expect(!stranger.isValid(session, for: client, at: address, now))
    }
}
