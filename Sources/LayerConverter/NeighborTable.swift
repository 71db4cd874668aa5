import Wire

/// Neighbours and their MAC addresses: ARP's (RFC 826 with the ageing of RFC 1122 §2.3.2.1) and those of
/// neighbour discovery (RFC 4861 §7, whose states DELAY and PROBE are one here). Knows no frames: it says
/// whom to ask.
///
/// An entry is used for `lifetime` and is then confirmed in the background by asking its owner alone; it goes
/// when `maxTries` questions are not answered. An address that nobody has is not asked for again for a while.
struct NeighborTable<Address: Hashable> {
    static var maxEntries: Int { 128 }
    /// Questions open at once: a client that scans its network gets no more.
    static var maxIncomplete: Int { 32 }
    static var maxTries: Int { 3 }
    static var lifetime: Duration { .seconds(60) }
    static var retryInterval: Duration { .seconds(1) }
    static var unreachableTime: Duration { .seconds(3) }

    enum Answer: Equatable {
        /// Ask again at `until`.
        case known(MACAddress, until: Instant)
        case pending
        case unreachable
        /// No room for another question.
        case refused
    }

    /// A request to be sent: to all, or to the MAC address that is to be confirmed.
    struct Question: Equatable {
        var address: Address
        var mac: MACAddress?
    }

    private enum Entry {
        case incomplete(tries: Int, next: Instant)
        case reachable(MACAddress, until: Instant)
        case confirming(MACAddress, tries: Int, next: Instant)
        case unreachable(until: Instant)

        var isIncomplete: Bool { if case .incomplete = self { true } else { false } }

        var nextTry: Instant? {
            switch self {
            case .incomplete(_, let next), .confirming(_, _, let next): next
            case .reachable, .unreachable: nil
            }
        }

        /// The smallest is forgotten first.
        var age: Instant {
            switch self {
            case .incomplete(_, let next), .confirming(_, _, let next): next + NeighborTable.lifetime
            case .reachable(_, let until), .unreachable(let until): until
            }
        }
    }

    private var entries: [Address: Entry] = [:]
    /// Requests to send, in order.
    private(set) var questions: [Question] = []
    /// When `handleTimeout` must be called.
    private(set) var deadline: Instant?

    /// Looks an address up to use it, and starts asking where it must.
    mutating func lookup(_ address: Address, at now: Instant) -> Answer {
        switch entries[address] {
        case .reachable(let mac, let until) where now < until: return .known(mac, until: until)
        case .reachable(let mac, _):
            let next = ask(address, mac, at: now)
            entries[address] = .confirming(mac, tries: 1, next: next)
            return .known(mac, until: next)
        case .confirming(let mac, _, let next): return .known(mac, until: next)
        case .incomplete: return .pending
        case .unreachable(let until) where now < until: return .unreachable
        case .unreachable, nil:
            guard makeRoom() else { return .refused }
            entries[address] = .incomplete(tries: 1, next: ask(address, nil, at: now))
            return .pending
        }
    }

    /// The MAC address if it is known, without asking.
    func known(_ address: Address) -> MACAddress? {
        switch entries[address] {
        case .reachable(let mac, _), .confirming(let mac, _, _): mac
        case .incomplete, .unreachable, nil: nil
        }
    }

    /// Whether it was asked for in vain a short time ago.
    func isUnreachable(_ address: Address, at now: Instant) -> Bool {
        if case .unreachable(let until) = entries[address] { now < until } else { false }
    }

    /// Whether there is a use for what a neighbour of this address says.
    func isKnownOrAsked(_ address: Address) -> Bool {
        switch entries[address] {
        case .reachable, .confirming, .incomplete: true
        case .unreachable, nil: false
        }
    }

    /// Whether it is news that the address is there, of a neighbour that is asked for or known.
    func isNews(_ address: Address, at mac: MACAddress) -> Bool {
        switch entries[address] {
        case .reachable(let known, _), .confirming(let known, _, _): known != mac
        case .incomplete: true
        case .unreachable, nil: false
        }
    }

    /// Notes what a neighbour says of itself. A new entry is made only if `mayCreate`: it spoke to us.
    /// Returns whether anything that was used before has become wrong or possible.
    mutating func learn(_ address: Address, _ mac: MACAddress, mayCreate: Bool, at now: Instant) -> Bool {
        switch entries[address] {
        case .reachable(let old, _), .confirming(let old, _, _):
            entries[address] = .reachable(mac, until: now + Self.lifetime)
            return old != mac
        case .incomplete:
            entries[address] = .reachable(mac, until: now + Self.lifetime)
            return true
        case .unreachable, nil:
            guard mayCreate, entries[address] != nil || makeRoom() else { return false }
            entries[address] = .reachable(mac, until: now + Self.lifetime)
            return true
        }
    }

    /// Repeats questions. Returns the addresses that nobody answered for.
    mutating func handleTimeout(at now: Instant) -> [Address] {
        guard let deadline, now >= deadline else { return [] }
        self.deadline = nil
        var lost: [Address] = []
        for (address, entry) in entries {
            guard let next = entry.nextTry else { continue }
            if next > now {
                self.deadline = min(self.deadline ?? next, next)
            } else if !repeatQuestion(address, entry, at: now) {
                entries[address] = .unreachable(until: now + Self.unreachableTime)
                lost.append(address)
            }
        }
        return lost
    }

    mutating func takeQuestion() -> Question? { questions.isEmpty ? nil : questions.removeFirst() }

    mutating func removeAll() { self = Self() }

    private mutating func repeatQuestion(_ address: Address, _ entry: Entry, at now: Instant) -> Bool {
        switch entry {
        case .incomplete(let tries, _) where tries < Self.maxTries:
            entries[address] = .incomplete(tries: tries + 1, next: ask(address, nil, at: now))
        case .confirming(let mac, let tries, _) where tries < Self.maxTries:
            // The last question goes to all: the address may have moved to another host.
            let next = ask(address, tries + 1 == Self.maxTries ? nil : mac, at: now)
            entries[address] = .confirming(mac, tries: tries + 1, next: next)
        case .incomplete, .confirming, .reachable, .unreachable: return false
        }
        return true
    }

    private mutating func ask(_ address: Address, _ mac: MACAddress?, at now: Instant) -> Instant {
        let next = now + Self.retryInterval
        questions.append(Question(address: address, mac: mac))
        deadline = min(deadline ?? next, next)
        return next
    }

    private mutating func makeRoom() -> Bool {
        guard entries.values.count(where: \.isIncomplete) < Self.maxIncomplete else { return false }
        guard entries.count >= Self.maxEntries else { return true }
        // Packets wait for the incomplete ones, so those stay.
        let oldest = entries.filter { !$0.value.isIncomplete }.min { $0.value.age < $1.value.age }
        if let oldest { entries[oldest.key] = nil }
        return true
    }
}
