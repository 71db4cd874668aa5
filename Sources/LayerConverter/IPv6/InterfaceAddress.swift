import Wire

/// An IPv6 address of the client, from the moment when it is thought of: RFC 4862 §5.4 and §5.5.
struct InterfaceAddress {
    enum Origin: Equatable {
        /// Formed of an advertised prefix, here; how many others were found in use before.
        case stateless(attempt: Int)
        /// By DHCPv6.
        case leased
        /// The client's own choice, on its link.
        case chosen
    }

    enum State: Equatable {
        /// Duplicate address detection looks for it.
        case tentative(probesLeft: Int, next: Instant)
        case assigned
        /// Somebody else has it: not to be tried again before.
        case duplicate(until: Instant)
    }

    var address: IPv6Address
    /// The prefix that it belongs to.
    var prefix: IPv6Prefix
    var origin: Origin
    var state: State
    var preferredUntil: Instant
    var validUntil: Instant
    /// When the client last used it for something new, or a neighbour asked for it.
    var usedAt: Instant

    var isTentative: Bool { if case .tentative = state { true } else { false } }
    var isAssigned: Bool { state == .assigned }

    /// When something is to be done, or ends.
    func nextEvent(after now: Instant) -> Instant {
        let end = preferredUntil > now ? min(preferredUntil, validUntil) : validUntil
        return switch state {
        case .tentative(_, let next): min(next, end)
        case .duplicate(let until): min(until, end)
        case .assigned: end
        }
    }

    /// RFC 4862 §5.5.3 e: an advertisement cannot end an address within two hours, lest a forged one does.
    mutating func refresh(_ prefix: RouterList.Prefix, at now: Instant) {
        let twoHours = now + .seconds(7200)
        preferredUntil = prefix.preferredUntil
        if prefix.validUntil > twoHours || prefix.validUntil > validUntil {
            validUntil = prefix.validUntil
        } else if validUntil > twoHours {
            validUntil = twoHours
        }
    }
}
