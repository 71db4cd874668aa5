import Wire

/// The server's side of DHCPv6 on a client's link, RFC 8415 §18.3: it passes on the one address that the
/// converter has leased for that client, for as long as the converter has it, and what the hub says of name
/// servers. It keeps nothing: what a client declines or releases stays the converter's until the session
/// ends.
///
/// A client that asks before there is an address is not answered, and asks again.
struct DHCPv6LinkServer {
    /// RFC 8415 §21.13.
    private static let noAddress: UInt16 = 2
    private static let notOnLink: UInt16 = 4
    /// Associations of a message that are answered; a client has one of a kind for each interface.
    private static let maxAssociations = 4

    private let duid: [UInt8]
    private let address: InterfaceAddress?
    private let configuration: [DHCPv6Option]

    init(_ mac: MACAddress, address: InterfaceAddress?, dns: [IPv6Address], domains: [String]) {
        // DUID-LL, RFC 8415 §11.4.
        duid = [0, 3, 0, 1] + mac.octets
        self.address = address
        var configuration: [DHCPv6Option] = []
        if !dns.isEmpty {
            var list: [UInt8] = []
            dns.forEach { list.append($0) }
            configuration.append(DHCPv6Option(.nameServers, list))
        }
        if !domains.isEmpty {
            var list: [UInt8] = []
            domains.forEach { DomainNames.append($0, to: &list) }
            configuration.append(DHCPv6Option(.domainList, list))
        }
        self.configuration = configuration
    }

    /// Nil: nothing is to be said.
    func answer(to message: DHCPv6Message, at now: Instant) -> DHCPv6Message? {
        let client = message.options[.clientIdentifier]
        guard client.map({ (1...DHCPv6Message.maxDUID).contains($0.count) }) ?? true else { return nil }
        let isForUs = message.options[.serverIdentifier] == duid
        let isForAnybody = message.options[.serverIdentifier] == nil
        switch message.type {
        case .informationRequest where isForAnybody || isForUs: return reply(message, configuration)
        case .solicit where isForAnybody && client != nil:
            guard let address else { return nil }
            let granted = associations(in: message, address, at: now)
            guard message.options[.rapidCommit] != nil else { return reply(message, granted, .advertise) }
            return reply(message, [DHCPv6Option(.rapidCommit, [])] + granted)
        case .request where isForUs && client != nil, .renew where isForUs && client != nil,
            .rebind where isForAnybody && client != nil:
            guard let address else { return nil }
            return reply(message, associations(in: message, address, at: now))
        case .confirm where isForAnybody && client != nil: return confirm(message)
        case .release where isForUs && client != nil, .decline where isForUs && client != nil:
            return reply(message, [Self.status(0)])
        case _: return nil
        }
    }

    /// §18.3.3: whether all that the client has is still its own.
    private func confirm(_ message: DHCPv6Message) -> DHCPv6Message? {
        let asked = Self.asked(in: message).flatMap(\.addresses).map(\.address)
        guard let address, !asked.isEmpty else { return nil }
        let isSame = asked.allSatisfy { $0 == address.address }
        return reply(message, [Self.status(isSame ? 0 : Self.notOnLink)])
    }

    /// The first association has the address; any other address that is asked for ends, §18.3.4.
    private func associations(
        in message: DHCPv6Message, _ address: InterfaceAddress, at now: Instant
    ) -> [DHCPv6Option] {
        let preferred = Lifetime.rest(until: address.preferredUntil, at: now)
        let valid = max(preferred, Lifetime.rest(until: address.validUntil, at: now))
        let isEndless = preferred == Lifetime.infinite
        var answers: [DHCPv6Option] = []
        for asked in Self.asked(in: message) {
            guard answers.isEmpty else {
                answers.append(DHCPv6Association(id: asked.id, status: Self.noAddress).option)
                continue
            }
            let ended = asked.addresses.map(\.address).filter {
                $0 != address.address && message.type != .solicit
            }
            let association = DHCPv6Association(
                id: asked.id, t1: isEndless ? preferred : preferred / 2,
                t2: isEndless ? preferred : preferred / 5 * 4,
                addresses: [
                    .init(address.address, preferredLifetime: preferred, validLifetime: valid)
                ] + ended.map { .init($0, preferredLifetime: 0, validLifetime: 0) })
            answers.append(association.option)
        }
        return answers + configuration
    }

    private static func asked(in message: DHCPv6Message) -> [DHCPv6Association] {
        message.options.lazy.filter { $0.code == .identityAssociation }.prefix(maxAssociations)
            .compactMap { try? DHCPv6Association(parsing: $0.value) }
    }

    private func reply(
        _ message: DHCPv6Message, _ options: [DHCPv6Option], _ type: DHCPv6Message.MessageType = .reply
    ) -> DHCPv6Message {
        var all = [DHCPv6Option(.serverIdentifier, duid)]
        if let client = message.options[.clientIdentifier] {
            all.append(DHCPv6Option(.clientIdentifier, client))
        }
        return DHCPv6Message(type, transactionID: message.transactionID, options: all + options)
    }

    private static func status(_ code: UInt16) -> DHCPv6Option {
        DHCPv6Option(.statusCode, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)])
    }
}
