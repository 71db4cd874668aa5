import EngineParts
import Wire

/// Options that travel with their protocol.
protocol RecordedOptions: OptionNegotiator {
    func serialize(into octets: inout [UInt8])
    init(parsing reader: inout ByteReader) throws(WireError)
}

extension ControlProtocol where Options: RecordedOptions {
    /// Counters say no more than whether a bound is reached, so the largest of them may be larger still.
    func serialize(into octets: inout [UInt8]) {
        options.serialize(into: &octets)
        octets.append(automaton.state, of: NegotiationAutomaton.State.allCases)
        octets.appendOptional(deadline) { $0.append($1) }
        octets.append(isClosedByPeer)
        octets += [restartCounter, sentNaks, refusals].map { UInt8(clamping: $0) }
        octets += [lastIdentifier, requestIdentifier]
        octets.appendCounted(ConfigurationOption.octets(of: requested))
        octets.append(isAnswered)
        octets.appendOptional(acknowledgedRequest) { $1.serialize(into: &$0) }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(try Options(parsing: &reader))
        automaton = NegotiationAutomaton(try reader.readOne(of: NegotiationAutomaton.State.allCases))
        deadline = try reader.readOptionalInstant()
        isClosedByPeer = try reader.readFlag()
        restartCounter = Int(try reader.read(UInt8.self))
        sentNaks = Int(try reader.read(UInt8.self))
        refusals = Int(try reader.read(UInt8.self))
        lastIdentifier = try reader.read(UInt8.self)
        requestIdentifier = try reader.read(UInt8.self)
        requested = try ConfigurationOption.list(parsing: try reader.readCounted())
        isAnswered = try reader.readFlag()
        acknowledgedRequest = try reader.readFlag() ? try ControlPacket(parsing: &reader) : nil
    }
}

extension LCPOptions: RecordedOptions {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(mru)
        octets.appendBigEndian(magicNumber)
        octets.append(methods)
        octets.append(isRefused)
        octets.appendBigEndian(peerMRU)
        octets.appendBigEndian(peerMagicNumber)
        octets.append(compressesAddress)
        octets.append(compressesProtocol)
        octets.appendCounted(rejected.sorted())
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(
            mru: try reader.read(UInt16.self), magicNumber: try reader.read(UInt32.self),
            methods: try reader.readMethods())
        isRefused = try reader.readFlag()
        peerMRU = try reader.read(UInt16.self)
        peerMagicNumber = try reader.read(UInt32.self)
        compressesAddress = try reader.readFlag()
        compressesProtocol = try reader.readFlag()
        rejected = Set(try reader.readCounted())
        guard peerMRU >= Self.minMRU else { throw .badValue }
    }
}

extension IPCPOptions: RecordedOptions {
    func serialize(into octets: inout [UInt8]) {
        network.serialize(into: &octets)
        octets.append(sendsAddress)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(try PeerNetwork(parsing: &reader))
        sendsAddress = try reader.readFlag()
    }
}

extension PeerNetwork {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(address.bits)
        octets.appendBigEndian(own.bits)
        for servers in [dns, wins] {
            octets.appendBigEndian(UInt32(servers.count))
            for server in servers { octets.appendBigEndian(server.bits) }
        }
        octets.appendOptional(interfaceIdentifier) { $0.appendBigEndian($1) }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init(address: try reader.readIPv4Address(), own: try reader.readIPv4Address())
        dns = try reader.readServers()
        wins = try reader.readServers()
        interfaceIdentifier = try reader.readFlag() ? try reader.read(UInt64.self) : nil
        guard interfaceIdentifier != 0 else { throw .badValue }
    }
}

extension IPV6CPOptions: RecordedOptions {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(own)
        octets.appendBigEndian(offered)
        octets.appendOptional(peer) { $0.appendBigEndian($1) }
        octets.append(sendsIdentifier)
        octets.append(insists)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        let (own, offered) = (try reader.read(UInt64.self), try reader.read(UInt64.self))
        guard own != 0, offered != 0, own != offered else { throw .badValue }
        self.init(own: own, offered: offered)
        peer = try reader.readFlag() ? try reader.read(UInt64.self) : nil
        sendsIdentifier = try reader.readFlag()
        insists = try reader.readFlag()
    }
}

// MARK: - Lists

extension [UInt8] {
    mutating func append(_ methods: [AuthenticationMethod]) {
        appendBigEndian(UInt32(methods.count))
        for method in methods { append(method.rawValue) }
    }
}

extension ByteReader {
    mutating func readMethods() throws(WireError) -> [AuthenticationMethod] {
        var methods: [AuthenticationMethod] = []
        for _ in 0..<(try readCount()) { methods.append(try readMethod()) }
        return methods
    }

    mutating func readMethod() throws(WireError) -> AuthenticationMethod {
        guard let method = AuthenticationMethod(rawValue: try readText()) else { throw .badValue }
        return method
    }

    fileprivate mutating func readServers() throws(WireError) -> [IPv4Address] {
        var servers: [IPv4Address] = []
        for _ in 0..<(try readCount()) { servers.append(try readIPv4Address()) }
        return servers
    }
}
