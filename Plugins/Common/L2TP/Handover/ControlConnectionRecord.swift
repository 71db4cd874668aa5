import EngineParts
public import Wire

/// A control connection of L2TPv3 with its pseudowire, as it travels to another instance of the module.
extension ControlConnection {
    /// False, and nothing is written, while outputs wait: they are to be drained first.
    public func serialize(into octets: inout [UInt8]) -> Bool {
        guard outputs.isEmpty else { return false }
        octets.appendBigEndian(localID)
        octets.appendBigEndian(remoteID)
        octets.append(transport, of: L2TPv3Transport.recorded)
        octets.append(dialect, of: Dialect.recorded)
        stage.serialize(into: &octets)
        call.serialize(into: &octets)
        octets.appendBigEndian(requested.id)
        octets.appendCounted(requested.cookie)
        octets.append(requested.hasSublayer)
        octets.appendOptional(session) { $0.appendBigEndian($1.localID) }
        channel.serialize(into: &octets)
        octets.append(lastHeard)
        return true
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        localID = try reader.read(UInt32.self)
        remoteID = try reader.read(UInt32.self)
        guard localID != 0, remoteID != 0 else { throw .badValue }
        transport = try reader.readOne(of: L2TPv3Transport.recorded)
        dialect = try reader.readOne(of: Dialect.recorded)
        stage = try ControlStage(parsing: &reader)
        call = try Call(parsing: &reader)
        requested.id = try reader.read(UInt32.self)
        requested.cookie = try reader.readCounted()
        requested.hasSublayer = try reader.readFlag()
        guard [0, 4, 8].contains(requested.cookie.count) else { throw .badLength }
        if try reader.readFlag() {
            session = L2TPv3Session(
                transport: transport, localID: try reader.read(UInt32.self), remoteID: requested.id,
                remoteCookie: requested.cookie, hasSublayer: requested.hasSublayer)
        }
        channel = try ReliableChannel(parsing: &reader)
        lastHeard = try reader.readInstant()
        guard isWhole else { throw .badValue }
    }

    /// Whether the pseudowire is as far as its connection.
    private var isWhole: Bool {
        switch call {
        case .none: session == nil
        case .requested: session == nil && stage == .established
        case .awaitingICCN, .established: session != nil && stage == .established
        }
    }

    /// Whether frames may flow.
    public var hasOpenSession: Bool { call == .established }
}

extension L2TPv3Transport {
    fileprivate static let recorded: [Self] = [.ip, .udp]
}

extension Dialect {
    fileprivate static let recorded: [Self] = [.ietf, .cisco]
}

extension ControlConnection.Call {
    fileprivate func serialize(into octets: inout [UInt8]) {
        switch self {
        case .none: octets.append(0)
        case .requested(let until):
            octets.append(1)
            octets.append(until)
        case .awaitingICCN(let until):
            octets.append(2)
            octets.append(until)
        case .established: octets.append(3)
        }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .none
        case 1: self = .requested(until: try reader.readInstant())
        case 2: self = .awaitingICCN(until: try reader.readInstant())
        case 3: self = .established
        default: throw .badValue
        }
    }
}
