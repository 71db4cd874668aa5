import Wire

/// The addresses that a DHCP server lends, and to whom. Has no timers: what has expired is free, and is
/// remembered for its client until somebody else needs the address.
struct AddressPool: Sendable {
    /// Bounds both tables, which have at most one entry for an address; a free one is found by a linear scan.
    static let maxAddresses = 16_384
    /// Of the pool: what clients may declare in use, so that one of them cannot empty it.
    static let maxDeclinedShare = 4

    enum State: Sendable {
        case offered, bound, released, declined
    }

    struct Binding: Sendable {
        var state: State
        var client: DHCPClient
        var until: Instant
    }

    /// Who has these for good asks for none: they are lent to nobody.
    var reserved: Set<IPv4Address> = []
    private let first: UInt32
    private var bindings: [Binding?]
    private var places: [[UInt8]: Int] = [:]

    init(_ range: AddressRange) {
        first = range.first.bits
        bindings = Array(repeating: nil, count: min(range.count, Self.maxAddresses))
    }

    var count: Int { bindings.count }

    func contains(_ address: IPv4Address) -> Bool { place(of: address) != nil }

    func binding(of address: IPv4Address) -> Binding? { place(of: address).flatMap { bindings[$0] } }

    /// The address that was last meant for this client, if nobody has got it since.
    func address(of client: DHCPClient) -> IPv4Address? { places[client.identifier].map(address) }

    /// Whether `client` may have `address` now.
    func isFree(_ address: IPv4Address, for client: DHCPClient, at now: Instant) -> Bool {
        guard let place = place(of: address), !reserved.contains(address) else { return false }
        guard let binding = bindings[place] else { return true }
        return binding.until <= now
            || (binding.client.identifier == client.identifier && binding.state != .declined)
    }

    /// The client's own address, else the one it wishes for, else one that nobody had, else the one that
    /// expired first. nil if the pool is full.
    /// `isTaken`: somebody else uses it without a lease.
    func choose(
        for client: DHCPClient, wish: IPv4Address?, at now: Instant, isTaken: (IPv4Address) -> Bool
    ) -> IPv4Address? {
        if let own = address(of: client), isFree(own, for: client, at: now) { return own }
        if let wish, isFree(wish, for: client, at: now), !isTaken(wish) { return wish }
        var oldest: (place: Int, until: Instant)?
        for (place, binding) in bindings.enumerated() where !reserved.contains(address(place)) {
            guard let binding else {
                if isTaken(address(place)) { continue }
                return address(place)
            }
            let isOlder = oldest.map { binding.until < $0.until } ?? true
            if binding.until <= now, isOlder, !isTaken(address(place)) { oldest = (place, binding.until) }
        }
        return oldest.map { address($0.place) }
    }

    /// Replaces what is known of `address`, which is in the pool, and of where the client was before.
    mutating func bind(_ address: IPv4Address, _ state: State, _ client: DHCPClient, until: Instant) {
        guard let place = place(of: address) else { return }
        if let old = bindings[place] { places[old.client.identifier] = nil }
        if let former = places[client.identifier] { bindings[former] = nil }
        bindings[place] = Binding(state: state, client: client, until: until)
        if !client.identifier.isEmpty { places[client.identifier] = place }
    }

    /// False if so many are declined already that this one is not believed.
    func mayDecline(at now: Instant) -> Bool {
        let declined = bindings.count { $0?.state == .declined && ($0?.until ?? now) > now }
        return declined < max(1, count / Self.maxDeclinedShare)
    }

    /// Forgets an offer that its client did not take.
    mutating func withdrawOffer(to client: DHCPClient) {
        guard let place = places[client.identifier], bindings[place]?.state == .offered else { return }
        bindings[place] = nil
        places[client.identifier] = nil
    }

    /// In the order of addresses.
    var all: [(address: IPv4Address, binding: Binding)] {
        bindings.enumerated().compactMap { place, binding in binding.map { (address(place), $0) } }
    }

    private func place(of address: IPv4Address) -> Int? {
        let place = Int(address.bits &- first)
        return place < bindings.count ? place : nil
    }

    private func address(_ place: Int) -> IPv4Address { IPv4Address(first + UInt32(place)) }
}
