import Wire

/// Which client has which address, as its own packets say, and the frames that wait for an answer to ARP.
/// RFC 826; the address is asked for `maxRequests` times, a second apart.
struct Neighbours: Sendable {
    static let maxEntries = 4096
    static let lifetime: Duration = .seconds(600)
    static let maxAwaited = 64
    /// Of one address.
    static let maxWaitingFrames = 4
    static let maxRequests = 3
    static let requestInterval: Duration = .seconds(1)

    private struct Entry {
        var mac: MACAddress
        var seen: Instant
    }

    private struct Awaited {
        var frames: [[UInt8]]
        var requests: Int
        var next: Instant
    }

    private var entries: [IPv4Address: Entry] = [:]
    private var awaited: [IPv4Address: Awaited] = [:]
    private var nextSweep: Instant?

    /// When `handleTimeout` must next be called; nil while there is nothing to do.
    var deadline: Instant? {
        let next = awaited.values.lazy.map(\.next).min()
        guard let nextSweep else { return next }
        return next.map { min($0, nextSweep) } ?? nextSweep
    }

    var count: Int { entries.count }

    func mac(of address: IPv4Address, at now: Instant) -> MACAddress? {
        guard let entry = entries[address], entry.seen.advanced(by: Self.lifetime) > now else { return nil }
        return entry.mac
    }

    /// Gives the frames that waited for this address.
    mutating func learn(_ address: IPv4Address, is mac: MACAddress, at now: Instant) -> [[UInt8]] {
        if entries[address] == nil, entries.count >= Self.maxEntries { sweep(at: now) }
        guard entries[address] != nil || entries.count < Self.maxEntries else { return [] }
        entries[address] = Entry(mac: mac, seen: now)
        if nextSweep == nil { nextSweep = now.advanced(by: Self.lifetime) }
        return awaited.removeValue(forKey: address)?.frames ?? []
    }

    enum Wait {
        /// The address is to be asked for now.
        case request
        case queued
        case dropped
    }

    mutating func wait(for address: IPv4Address, _ frame: [UInt8], at now: Instant) -> Wait {
        guard awaited[address] == nil else {
            guard awaited[address]!.frames.count < Self.maxWaitingFrames else { return .dropped }
            awaited[address]!.frames.append(frame)
            return .queued
        }
        guard awaited.count < Self.maxAwaited else { return .dropped }
        awaited[address] = Awaited(frames: [frame], requests: 1, next: now.advanced(by: Self.requestInterval))
        return .request
    }

    /// Gives the addresses that are to be asked for again, in their order.
    mutating func handleTimeout(at now: Instant) -> [IPv4Address] {
        if let nextSweep, nextSweep <= now { sweep(at: now) }
        let due = awaited.filter { $0.value.next <= now }.map(\.key).sorted { $0.bits < $1.bits }
        for address in due {
            awaited[address]!.requests += 1
            awaited[address]!.next = now.advanced(by: Self.requestInterval)
            if awaited[address]!.requests > Self.maxRequests { awaited[address] = nil }
        }
        return due.filter { awaited[$0] != nil }
    }

    private mutating func sweep(at now: Instant) {
        entries = entries.filter { $0.value.seen.advanced(by: Self.lifetime) > now }
        nextSweep = entries.isEmpty ? nil : now.advanced(by: Self.lifetime)
    }
}
