import Policy
import Wire

/// What a client's port has shown of itself, bounded by its policy. Belongs to the port's lane.
struct PortGuard {
    /// Seconds after which a silent IP address no longer counts.
    private static let addressLifetime: UInt64 = 300
    /// Seconds for which the address book need not hear again of an address in use; less than `Hub.hold`.
    private static let refresh: UInt64 = 16

    enum Kind {
        case client
        /// The layer converter vouches for its addresses, but for IPv6 ones that somebody else has.
        case converted
        case monitor
    }

    var policy: Policy
    private let kind: Kind
    var isConverted: Bool { kind == .converted }
    private var macs: Set<MACAddress> = []
    /// With the monotonic seconds at which each was noted.
    private var addresses: [IPv6Address: UInt64] = [:]
    /// Monotonic seconds of the last look for what no longer counts. Each walks everything.
    private var macsPrunedAt: UInt64?
    private var addressesPrunedAt: UInt64?
    /// The last source of an IPv4 packet that was admitted, and until when it is not looked at again.
    private(set) var lastIPv4: UInt32 = 0
    private(set) var lastIPv4Until: UInt64 = 0

    init(_ policy: Policy, _ kind: Kind) {
        self.policy = policy
        self.kind = kind
    }

    /// The slow way: nil if the frame may pass, whose addresses then are the port's.
    mutating func denial(of frame: RawSpan, from source: MACAddress, at port: HubPort, _ seconds: UInt64)
        -> Denial?
    {
        // None of its addresses is ever known, so that all of its frames come here.
        guard kind != .monitor else { return .monitor }
        if !isConverted, let denial = admit(source, at: port, seconds) { return denial }
        switch FrameClaim(frame) {
        case .nothing: return nil
        case .unreadable: return .unreadable
        case .dhcpServer: return policy.mayServeDHCP ? nil : .dhcpServer
        case .router: return policy.mayRoute ? nil : .router
        case .address(let address, let mac):
            guard mac == source else { return .forgedSender }
            return admit(address, of: source, at: port, seconds)
        case .source(let address):
            if !policy.mayRoute, !isConverted,
                let denial = admit(address, of: source, at: port, seconds)
            {
                return denial
            }
            if let mapped = address.mapped {
                (lastIPv4, lastIPv4Until) = (mapped.bits, seconds + Self.refresh)
            }
            return nil
        }
    }

    /// Whether a layer converter's address cannot rightly be another's: a server leased it, or it is made
    /// of the lent MAC address. Other IPv6 addresses are the client's choice, and that nobody answered for
    /// one is no proof.
    private static func isAssured(_ address: IPv6Address, of mac: MACAddress) -> Bool {
        address.mapped != nil || address == .linkLocal(interface: mac.interfaceIdentifier)
    }

    private mutating func admit(_ mac: MACAddress, at port: HubPort, _ seconds: UInt64) -> Denial? {
        let (holder, age) = port.hub.table.holder(of: mac, at: seconds)
        if holder == port.number, macs.contains(mac) { return nil }
        if macs.count >= policy.maxMACs, !macs.contains(mac) {
            guard pruneMACs(of: port, seconds), macs.count < policy.maxMACs else { return .macLimit }
        }
        if !policy.mayTakeOver {
            let keeper = port.hub.addresses.keeper(of: mac) ?? 0
            guard !port.hub.isHeld(by: holder, age: age, from: port.number),
                !port.hub.isHeld(by: keeper, age: 0, from: port.number)
            else { return .foreignMAC }
        }
        macs.insert(mac)
        return nil
    }

    private mutating func admit(
        _ address: IPv6Address, of mac: MACAddress, at port: HubPort, _ seconds: UInt64
    ) -> Denial? {
        let notedAt = addresses[address]
        if let notedAt, seconds &- notedAt < Self.refresh { return nil }
        if notedAt == nil, !isConverted, addresses.count >= policy.maxAddresses {
            guard pruneAddresses(seconds), addresses.count < policy.maxAddresses else { return .addressLimit }
        }
        let entry = AddressBook.Entry(mac: mac, port: port.number, seenAt: seconds, isKept: isConverted)
        let mayTakeOver = policy.mayTakeOver || isConverted && Self.isAssured(address, of: mac)
        let isNoted = port.hub.addresses.note(address, entry) { known in
            guard !mayTakeOver, known.mac != mac else { return false }
            let age = seconds &- known.seenAt
            return port.hub.isHeld(by: known.port, age: age, from: port.number)
        }
        guard isNoted else { return .foreignAddress }
        if !isConverted { addresses[address] = seconds }
        return nil
    }

    /// Forgets MAC addresses that the table no longer has at the port; false if that has just been tried. Not
    /// to be called between the admission of one and its place in the table.
    private mutating func pruneMACs(of port: HubPort, _ seconds: UInt64) -> Bool {
        guard macsPrunedAt != seconds else { return false }
        macsPrunedAt = seconds
        macs = macs.filter { port.hub.table.port(of: $0, at: seconds) == port.number }
        return true
    }

    /// Forgets IP addresses that have been silent for long; false if that has just been tried.
    private mutating func pruneAddresses(_ seconds: UInt64) -> Bool {
        guard addressesPrunedAt != seconds else { return false }
        addressesPrunedAt = seconds
        addresses = addresses.filter { seconds &- $0.value <= Self.addressLifetime }
        return true
    }
}
