import EngineParts
public import OpenSSL
public import Wire

/// A swap: SAs go on in another instance of the module.
extension IKEServer {
    // MARK: What all SAs share

    public struct Shared {
        fileprivate let book: OfferBookRecord
        fileprivate let generation: UInt8

        public init(parsing reader: inout ByteReader, _ secrets: inout RecordSecrets) throws(WireError) {
            generation = try reader.read(UInt8.self)
            book = try OfferBookRecord(parsing: &reader, &secrets)
        }
    }

    public func serializeShared(into record: inout SecretRecord) {
        record.octets.append(generation)
        OfferBookRecord(book).serialize(into: &record)
    }

    /// Cookies that the other instance gave out are good here too, and our SPIs are not those that it gives
    /// away as long as it has SAs.
    public func take(_ shared: Shared) throws(OpenSSLError) {
        book = try OfferBook(shared.book)
        generation = shared.generation &+ 1
    }

    // MARK: Out

    /// The SAs that there are.
    public var names: [Cookies] { Array(sas.keys) }

    public func contains(_ cookies: Cookies) -> Bool { sas[cookies] != nil }

    /// The SAs that an SA cannot go without: the others of the same peer.
    public func kin(of cookies: Cookies) -> [Cookies] {
        sas[cookies].map { others(of: $0).map(\.cookies) } ?? []
    }

    /// Of its children, in the order in which they travel.
    public func spis(of cookies: Cookies) -> [UInt32] {
        sas[cookies]?.children.filter { children[$0] != nil } ?? []
    }

    public func owner(of spi: UInt32) -> Cookies? { children[spi]?.owner }

    /// What the engine has said is to be drained first.
    public func serialize(_ cookies: Cookies, into record: inout SecretRecord) {
        guard let sa = sas[cookies] else { return }
        sa.serialize(into: &record)
        let entry = halfOpen.entry(of: cookies)
        record.octets.appendOptional(entry) { octets, entry in
            octets.append(entry.isUnproved)
            octets.append(entry.beganAt)
        }
        record.octets.append(initiators[sa.initiator] == cookies)
        let quickModes = sa.quickModes.sorted { $0.key < $1.key }.map { ($0, $1, $1.recordedOctets) }
        // What is asked for anew is not being replaced.
        let forgotten = Set(quickModes.filter { $0.2 == nil }.compactMap { $0.1.replaced })
        let spis = spis(of: cookies)
        record.octets.appendBigEndian(UInt32(spis.count))
        for spi in spis {
            var child = children[spi]
            if forgotten.contains(spi) { child?.isBeingReplaced = false }
            child?.serialize(into: &record)
        }
        let kept = quickModes.filter { $0.2 != nil && ($0.1.replaced.map(spis.contains) ?? true) }
        record.octets.append(UInt8(clamping: kept.count))
        for (id, _, octets) in kept {
            record.octets.appendBigEndian(id)
            record.octets += octets ?? []
        }
    }

    /// It goes on elsewhere, with its children. Its peer hears nothing.
    public func giveUp(_ cookies: Cookies) {
        guard let sa = sas[cookies] else { return }
        for spi in sa.children { children[spi] = nil }
        if sa.isHalfOpen { noLongerHalfOpen(sa) }
        remove(sa)
    }

    // MARK: In

    /// An SA with its children, of which nothing is in the tables yet.
    public struct Arrival {
        let sa: ISAKMPSA
        let halfOpen: (isUnproved: Bool, beganAt: Instant)?
        let isInitiator: Bool
        private(set) var children: [UInt32: Child] = [:]

        public init(parsing reader: inout ByteReader, _ secrets: inout RecordSecrets) throws(WireError) {
            sa = try ISAKMPSA(parsing: &reader, &secrets)
            halfOpen = try reader.readFlag() ? (try reader.readFlag(), try reader.readInstant()) : nil
            isInitiator = try reader.readFlag()
            guard (halfOpen != nil) == sa.isHalfOpen else { throw .badValue }
            for _ in 0..<(try reader.readCount()) {
                let child = try Child(of: sa.cookies, parsing: &reader, &secrets)
                guard children[child.sa.spi] == nil else { throw .badValue }
                children[child.sa.spi] = child
                sa.children.append(child.sa.spi)
            }
            guard !sa.isHalfOpen || children.isEmpty else { throw .badValue }
            for _ in 0..<(try reader.read(UInt8.self)) {
                guard let keys = sa.established?.keys else { throw .badValue }
                let id = try reader.read(UInt32.self)
                guard sa.quickModes[id] == nil else { throw .badValue }
                sa.quickModes[id] = try QuickMode(keys, children, parsing: &reader)
            }
        }

        public var cookies: Cookies { sa.cookies }

        /// In their order, and whether the peer has them and a successor was asked for.
        public var agreed: [(sa: ChildSA, isActive: Bool, isBeingReplaced: Bool)] {
            sa.children.compactMap { spi in
                children[spi].map { ($0.sa, $0.isActive, $0.isBeingReplaced) }
            }
        }
    }

    /// Whether nothing here has its names.
    public func hasPlace(for arrival: Arrival) -> Bool {
        sas[arrival.cookies] == nil && arrival.sa.children.allSatisfy { children[$0] == nil }
            && !(arrival.isInitiator && initiators[arrival.sa.initiator] != nil)
    }

    /// Takes an SA over; the caller has asked whether it has a place.
    public func adopt(_ arrival: Arrival, at now: Instant) {
        let sa = arrival.sa
        enter(sa)
        if arrival.isInitiator { initiators[sa.initiator] = sa.cookies }
        if let (isUnproved, beganAt) = arrival.halfOpen {
            enterHalfOpen(sa, isUnproved: isUnproved, at: beganAt)
        }
        if let peer = sa.peer { peers[peer, default: []].append(sa.cookies) }
        for (spi, child) in arrival.children { children[spi] = child }
        settle(sa, at: now)
    }

    // MARK: Beside another instance

    /// Whether a message is one of an SA here. Changes nothing.
    public func owns(_ message: RawSpan, from remote: TransportAddress) -> Bool {
        guard message.byteCount >= ISAKMPHeader.length else { return false }
        let cookies = Cookies(
            initiator: message.bigEndian(at: 0), responder: message.bigEndian(at: 8))
        guard cookies.responder == 0 else { return sas[cookies] != nil }
        return initiators[Initiator(cookie: cookies.initiator, source: remote.source)] != nil
    }
}

extension ISAKMPSA {
    /// By which aggressive mode knows it.
    var initiator: IKEServer.Initiator {
        IKEServer.Initiator(cookie: cookies.initiator, source: source)
    }
}
