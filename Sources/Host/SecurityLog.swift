import Journal
import Lanes
import LayerConverter
import Policy
import Sessions
import Wire

/// Writes what becomes of sessions into the security log of their hub.
final class SecurityLog: SessionObserver {
    private let journal: Journal

    init(_ journal: Journal) { self.journal = journal }

    func sessionOpened(_ session: SessionSnapshot) {
        let event = Event.connected(
            session: "\(session.id)", user: session.user, from: Endpoint(session.remote).description,
            module: session.protocolName, cipher: session.cipher, client: session.software)
        record(event.with("mode", session.isMonitor ? "monitor" : nil), session)
        if session.lease != nil { sessionAddressed(session) }
    }

    func sessionAddressed(_ session: SessionSnapshot) {
        guard let lease = session.lease, let mac = session.mac else { return }
        record(
            .addressLent(
                session: "\(session.id)", address: lease.address.description, mac: mac.description,
                lease: lease.duration), session)
    }

    func sessionAddressed(_ session: SessionSnapshot, ipv6: [IPv6Address]) {
        guard let mac = session.mac else { return }
        for address in ipv6 {
            record(
                .addressLent(
                    session: "\(session.id)", address: address.description, mac: mac.description,
                    lease: nil), session)
        }
    }

    func sessionRefused(_ session: SessionSnapshot, reason: SessionReason, sentence: String) {
        record(
            .refused(
                user: session.user, from: Endpoint(session.remote).description, module: session.protocolName,
                why: "\(reason.name): \(sentence)"), session)
    }

    func sessionClosed(_ session: SessionSnapshot, reason: SessionReason, sentence: String) {
        let event = Event.disconnected(
            session: "\(session.id)", user: session.user,
            why: sentence.isEmpty ? reason.name : "\(reason.name): \(sentence)",
            bytesIn: session.counters.octetsIn, bytesOut: session.counters.octetsOut,
            duration: session.duration)
        let denied = session.counters.denied.total
        record(denied > 0 ? event.with("denied", denied) : event, session)
    }

    func sessionDenied(_ session: SessionSnapshot, _ denial: Denial) {
        record(.denied(session: "\(session.id)", user: session.user, what: denial.name), session)
    }

    private func record(_ event: Event, _ session: SessionSnapshot) {
        journal.record(event, in: .security(hub: session.hub))
    }
}
