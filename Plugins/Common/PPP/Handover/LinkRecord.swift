import EngineParts
public import Wire

/// A link as it travels to another instance of its module: in whatever phase it is, with the settings that it
/// was begun with and with its clock. The source of random octets is the new instance's own.
extension Link {
    /// The first octet of a record. A change to what is written is a new version.
    private static let recordVersion: UInt8 = 2
    private static let phases: [Phase] = [.dead, .establish, .authenticate, .network, .ended]

    /// False while outputs wait: they are to be drained first. And false for a peer that may prove who it is
    /// by EAP-TLS and has not yet: TLS stays where it began.
    public var canGo: Bool { isDrained && isBeyondTLS }

    /// Nil: it cannot go.
    public var record: [UInt8]? {
        guard canGo else { return nil }
        var octets = [Self.recordVersion]
        configuration.serialize(into: &octets)
        octets.append(phase, of: Self.phases)
        lcp.serialize(into: &octets)
        octets.appendOptional(authenticator) { $1.serialize(into: &$0) }
        octets.appendOptional(ipcp) { $1.serialize(into: &$0) }
        octets.appendOptional(ipv6cp) { $1.serialize(into: &$0) }
        octets.append(isIPv6Told)
        octets.appendOptional(software) { $0.append($1) }
        octets.appendOptional(hostName) { $0.append($1) }
        octets.appendOptional(echo) { $1.serialize(into: &$0) }
        octets.appendOptional(networkDeadline) { $0.append($1) }
        octets.append(identifier)
        octets.append(UInt8(clamping: establishments))
        octets.append(isNetworkAsked)
        octets.appendOptional(waitingRequest) { $1.serialize(into: &$0) }
        octets.appendOptional(waitingIPv6Request) { $1.serialize(into: &$0) }
        return octets
    }

    /// The link that `record` was made of.
    public init(_ record: [UInt8], random: any RandomNumberGenerator & Sendable) throws(WireError) {
        var reader = ByteReader(record.rawSpan)
        guard try reader.read(UInt8.self) == Self.recordVersion else { throw .badValue }
        configuration = try Configuration(parsing: &reader)
        self.random = random
        phase = try reader.readOne(of: Self.phases)
        lcp = try ControlProtocol(parsing: &reader)
        authenticator = try reader.readFlag() ? try Authenticator(parsing: &reader) : nil
        ipcp = try reader.readFlag() ? try ControlProtocol(parsing: &reader) : nil
        ipv6cp = try reader.readFlag() ? try ControlProtocol(parsing: &reader) : nil
        isIPv6Told = try reader.readFlag()
        software = try reader.readOptionalText()
        hostName = try reader.readOptionalText()
        echo = try reader.readFlag() ? try EchoMonitor(parsing: &reader) : nil
        networkDeadline = try reader.readOptionalInstant()
        identifier = try reader.read(UInt8.self)
        establishments = Int(try reader.read(UInt8.self))
        isNetworkAsked = try reader.readFlag()
        waitingRequest = try reader.readFlag() ? try ControlPacket(parsing: &reader) : nil
        waitingIPv6Request = try reader.readFlag() ? try ControlPacket(parsing: &reader) : nil
        guard reader.remaining == 0 else { throw .badLength }
        guard isWhole else { throw .badValue }
    }

    private var isDrained: Bool {
        outputs.isEmpty && lcp.isDrained && authenticator?.isDrained != false && ipcp?.isDrained != false
            && ipv6cp?.isDrained != false
    }

    private var isBeyondTLS: Bool {
        phase == .network || phase == .ended || !lcp.options.methods.contains(.eapTLS)
    }

    /// Whether its phase has the machines that belong to it, and no other ones.
    private var isWhole: Bool {
        let isUp = phase == .authenticate || phase == .network
        return isBeyondTLS && lcp.isOpened == isUp && (isUp || authenticator == nil)
            && (phase != .authenticate || authenticator != nil)
            && (phase == .network || ipcp == nil && ipv6cp == nil) && (ipcp == nil || isNetworkAsked)
    }
}

extension Link.Configuration {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(mru)
        octets.append(methods)
        octets.appendCounted(serverName)
        octets.appendOptional(echoInterval) { $0.append($1) }
        octets.append(carriesIPv6)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        mru = try reader.read(UInt16.self)
        methods = try reader.readMethods()
        serverName = try reader.readCounted()
        echoInterval = try reader.readFlag() ? try reader.readDuration() : nil
        carriesIPv6 = try reader.readFlag()
    }
}

extension EchoMonitor {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.append(interval)
        octets.appendOptional(deadline) { $0.append($1) }
        octets.append(UInt8(clamping: unanswered))
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        interval = try reader.readDuration()
        deadline = try reader.readOptionalInstant()
        unanswered = Int(try reader.read(UInt8.self))
    }
}
