import Wire

/// Groups that are listened to for neighbour discovery, told by MLDv2 (RFC 4861 §7.2.1, RFC 3810 §6): a
/// switch that snoops would otherwise keep neighbours' questions from us.
extension IPv6Host {
    /// The report of news is repeated once after so long, as one may get lost.
    private static let repetition: Duration = .seconds(1)
    /// A querier that lets us wait longer is answered earlier.
    private static let maxResponse: Duration = .seconds(5)

    private var groups: [IPv6Address] {
        var groups = [linkLocal.solicitedNode]
        for address in addresses where !groups.contains(address.address.solicitedNode) {
            groups.append(address.address.solicitedNode)
        }
        return groups
    }

    /// Tells of groups that are new; a hub without routers is told nothing.
    mutating func updateGroups(at now: Instant) {
        guard routers.isHeard else { return }
        let groups = groups
        guard !groups.allSatisfy(reported.contains) || groups.count < reported.count else { return }
        let isNews = groups.contains { !reported.contains($0) }
        reported = groups
        guard isNews else { return }
        report(.toExclude)
        nextReport = now + Self.repetition
    }

    /// The repetition of news is as good as an answer to a query.
    mutating func repeatReport(at now: Instant) {
        guard let nextReport, now >= nextReport else { return }
        self.nextReport = nil
        report(.isExclude)
    }

    /// A query, RFC 3810 §5.1: answered after a random time, so that not all hosts answer at once.
    mutating func receiveQuery(_ packet: borrowing IPv6Packet, at now: Instant) -> Bool {
        guard Self.isQuery(packet), packet.source.isLinkLocal, packet.hopLimit == 1,
            let upper = try? packet.upperLayer(), packet.bytes.byteCount >= upper.offset + 24
        else { return false }
        let code = packet.bytes.bigEndian(at: upper.offset + 4, as: UInt16.self)
        let longest = min(.milliseconds(Int(code)), Self.maxResponse)
        let delay = longest * Int.random(in: 0...64, using: &random) / 64
        nextReport = min(nextReport ?? .distantFuture, now + delay)
        return true
    }

    static func isQuery(_ packet: borrowing IPv6Packet) -> Bool {
        guard packet.nextHeader.rawValue == 0, let upper = try? packet.upperLayer(),
            upper.protocol == .icmpV6, !upper.isFragment, upper.offset < packet.bytes.byteCount
        else { return false }
        return packet.bytes.bigEndian(at: upper.offset, as: UInt8.self) == MulticastListenerReport.query
    }

    private mutating func report(_ kind: MulticastListenerReport.Kind) {
        let packet = MulticastListenerReport(kind, reported).packet(from: linkLocal)
        let group = MACAddress.multicast(MulticastListenerReport.destination)
        var frame: [UInt8] = []
        frame.appendEthernetHeader(to: group, from: mac, carrying: .ipv6)
        outputs.append(.sendFrame(frame + packet))
    }
}
