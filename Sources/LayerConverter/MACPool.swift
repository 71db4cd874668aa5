public import Wire

/// Lends MAC addresses to clients that have none. An identity (hub, user, client) gets the same address each
/// time, so the DHCP server of the hub gives it its former lease; a second client of the same identity, while
/// the first is there, gets a second address, as stable as the first.
///
/// Locally administered unicast (first octet 0x5e), chosen by a hash of seed and identity: the same seed
/// gives the same addresses after a restart even without `remembered`, but for those that had to evade a
/// collision.
public struct MACPool: Sendable {
    /// Pairs kept; the longest unused are forgotten first.
    public static let maxRemembered = 65_536
    /// Clients of one identity at once.
    public static let maxOrdinals = 4096

    /// Which client of an identity has an address: 0 the first, 1 who comes while the first is there...
    public struct Borrower: Hashable, Sendable {
        public var identity: String
        public var ordinal: Int

        public init(identity: String, ordinal: Int) {
            self.identity = identity
            self.ordinal = ordinal
        }
    }

    /// A pair to be written down and given back to `init`.
    public struct Loan: Equatable, Sendable {
        public var borrower: Borrower
        public var mac: MACAddress

        public init(_ borrower: Borrower, _ mac: MACAddress) {
            self.borrower = borrower
            self.mac = mac
        }
    }

    private struct Entry {
        var mac: MACAddress
        var isLent: Bool
        var lastUse: UInt64
    }

    private let seed: UInt64
    private let capacity: Int
    private var entries: [Borrower: Entry] = [:]
    private var borrowers: [MACAddress: Borrower] = [:]
    private var uses: UInt64 = 0

    /// `seed`: the server's own random number, the same at each start. `loans`: the longest unused first;
    /// those with an address or a borrower that occurs twice, or one that is not ours to lend, are left out.
    public init(seed: UInt64, remembering loans: [Loan] = [], capacity: Int = maxRemembered) {
        precondition(capacity > 0, "a pool needs room for a loan")
        self.seed = seed
        self.capacity = capacity
        for loan in loans.suffix(capacity)
        where loan.mac.isLocallyAdministered && !loan.mac.isGroup && entries[loan.borrower] == nil
            && borrowers[loan.mac] == nil
        {
            remember(loan.mac, for: loan.borrower, isLent: false)
        }
    }

    /// nil only if `capacity` addresses, or `maxOrdinals` of this identity, are lent at this moment.
    public mutating func lend(to identity: String) -> MACAddress? {
        for ordinal in 0..<Self.maxOrdinals {
            let borrower = Borrower(identity: identity, ordinal: ordinal)
            guard let entry = entries[borrower] else { return lendNew(to: borrower) }
            if entry.isLent { continue }
            remember(entry.mac, for: borrower, isLent: true)
            return entry.mac
        }
        return nil
    }

    /// The address is free for the same identity's next client. One that is not lent is ignored.
    public mutating func takeBack(_ mac: MACAddress) {
        guard let borrower = borrowers[mac], let entry = entries[borrower], entry.isLent else { return }
        remember(mac, for: borrower, isLent: false)
    }

    /// What survives a restart, the longest unused first.
    public var remembered: [Loan] {
        entries.sorted { $0.value.lastUse < $1.value.lastUse }.map { Loan($0.key, $0.value.mac) }
    }

    private mutating func lendNew(to borrower: Borrower) -> MACAddress? {
        if entries.count >= capacity { forgetSome() }
        guard entries.count < capacity else { return nil }
        var random = SplitMix64(seed: seed ^ Self.hash(borrower))
        while true {
            let mac = MACAddress(0x5e00_0000_0000 | random.next() >> 24)
            guard borrowers[mac] == nil else { continue }
            remember(mac, for: borrower, isLent: true)
            return mac
        }
    }

    private mutating func remember(_ mac: MACAddress, for borrower: Borrower, isLent: Bool) {
        uses += 1
        entries[borrower] = Entry(mac: mac, isLent: isLent, lastUse: uses)
        borrowers[mac] = borrower
    }

    /// An eighth of the capacity at once, since finding the oldest walks through all.
    private mutating func forgetSome() {
        let free = entries.filter { !$0.value.isLent }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (borrower, entry) in free.prefix(max(1, capacity / 8)) {
            entries[borrower] = nil
            borrowers[entry.mac] = nil
        }
    }

    /// FNV-1a of the identity, its end, and the ordinal; `Hasher` differs from run to run.
    private static func hash(_ borrower: Borrower) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ octet: UInt8) { hash = (hash ^ UInt64(octet)) &* 0x0000_0100_0000_01b3 }
        borrower.identity.utf8.forEach(mix)
        mix(0xff)  // in no UTF-8 text
        mix(UInt8(truncatingIfNeeded: borrower.ordinal >> 8))
        mix(UInt8(truncatingIfNeeded: borrower.ordinal))
        return hash
    }
}
