/// The kinds of the security log.
extension Event {
    public static func connected(
        session: String, user: String, from peer: String, module: String, cipher: String?, client: String?
    ) -> Event {
        Event("connected", session: session)
            .with("user", user).with("from", peer).with("protocol", module)
            .with("cipher", cipher).with("client", client)
    }

    public static func addressLent(session: String, address: String, mac: String, lease: Duration?) -> Event {
        let event = Event("address-lent", session: session).with("address", address).with("mac", mac)
        return lease.map { event.with("lease", .duration($0)) } ?? event
    }

    /// `why` is the full reason, which the peer was not told.
    public static func refused(user: String, from peer: String, module: String, why: String) -> Event {
        Event("refused", level: .notice)
            .with("user", user).with("from", peer).with("protocol", module).with("why", why)
    }

    /// Somebody has changed his own password. `lost`: by what the new one cannot be proved.
    public static func passwordChanged(
        user: String, from peer: String, module: String, lost: String?
    ) -> Event {
        Event("password-changed", level: .notice)
            .with("user", user).with("from", peer).with("protocol", module).with("lost", lost)
    }

    /// The first frame of a session that its policy kept from the hub for this reason.
    public static func denied(session: String, user: String, what: String) -> Event {
        Event("denied", level: .warning, session: session).with("user", user).with("what", what)
    }

    public static func disconnected(
        session: String, user: String, why: String, bytesIn: UInt64, bytesOut: UInt64, duration: Duration
    ) -> Event {
        Event("disconnected", session: session)
            .with("user", user).with("why", why).with("in", bytesIn).with("out", bytesOut)
            .with("duration", .duration(duration))
    }
}
