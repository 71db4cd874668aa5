import EngineParts
import OpenSSL
public import Wire

/// A tunnel of L2TPv2 with its sessions, as it travels to another instance of the module.
extension Tunnel {
    /// False, and nothing is written, while outputs wait: they are to be drained first.
    public func serialize(into octets: inout [UInt8]) -> Bool {
        guard outputs.isEmpty else { return false }
        octets.appendBigEndian(localID)
        octets.appendBigEndian(remoteID)
        octets.append(hostName)
        stage.serialize(into: &octets)
        octets.appendBigEndian(UInt32(sessions.count))
        for (_, entry) in sessions.sorted(by: { $0.key < $1.key }) {
            octets.appendBigEndian(entry.session.localID)
            octets.appendBigEndian(entry.session.remoteID)
            octets.append(entry.session.isSequenced)
            var until: Instant?
            if case .awaitingICCN(let patience) = entry.call { until = patience }
            octets.appendOptional(until) { $0.append($1) }
        }
        channel.serialize(into: &octets)
        octets.append(lastHeard)
        octets.appendOptional(emptySince) { $0.append($1) }
        let length = secret?.count ?? 0
        // Memory that grows leaves copies behind.
        octets.reserveCapacity(octets.count + 4 + length)
        octets.appendBigEndian(UInt32(length))
        octets.append(secret)
        return true
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        localID = try reader.read(UInt16.self)
        remoteID = try reader.read(UInt16.self)
        guard localID != 0, remoteID != 0 else { throw .badValue }
        hostName = try reader.readText()
        stage = try ControlStage(parsing: &reader)
        let count = try reader.readCount()
        guard count <= Self.maxSessions else { throw .badLength }
        for _ in 0..<count {
            let (local, remote) = (try reader.read(UInt16.self), try reader.read(UInt16.self))
            let session = Session(localID: local, remoteID: remote, isSequenced: try reader.readFlag())
            let until = try reader.readOptionalInstant()
            guard local != 0, sessions[local] == nil else { throw .badValue }
            sessions[local] = (session, until.map { .awaitingICCN(until: $0) } ?? .established)
        }
        channel = try ReliableChannel(parsing: &reader)
        lastHeard = try reader.readInstant()
        emptySince = try reader.readOptionalInstant()
        var known = try reader.readCounted()
        defer { wipe(&known) }
        secret = known.isEmpty ? nil : SecretBytes(copying: known)
        guard sessions.isEmpty || stage == .established else { throw .badValue }
    }

    /// By our ids, those in which PPP may flow.
    public var establishedSessions: [UInt16] {
        sessions.filter { $0.value.call == .established }.map(\.key).sorted()
    }
}
