internal import PluginABI

/// Something of the host's that a connection holds, on its way from an old instance to a new one. The handle
/// stays as it is; `LaneAdapter.importConnection` writes the new instance's token over the old one's.
public struct HeldThing: Hashable, Sendable {
    public enum Kind: UInt32, Sendable {
        /// A session, or the ticket of one that is being opened.
        case session = 1
        case stream = 2
        /// The ticket of a question about identity.
        case question = 3
        /// Has no token.
        case identity = 4
        /// Its handle is the old instance's token.
        case timer = 5
    }

    public let kind: Kind
    public let handle: UInt64
    public var token: UInt64

    public init(_ kind: Kind, _ handle: UInt64, token: UInt64) {
        self.kind = kind
        self.handle = handle
        self.token = token
    }
}

/// One connection on its way from an old instance of a module to a new one, as octets that the module writes
/// and reads.
@safe public struct HandoverRecord {
    /// Of the octets, as the module counts.
    public let version: UInt32
    /// The old instance's number for it on this lane; 0: what the whole lane shares.
    public let connection: UInt64
    /// May hold secrets: whoever wrote or read them wipes them.
    public var octets: [UInt8]
    /// Objects of C libraries that both instances share by address. They are the new instance's when it takes
    /// the record.
    @unsafe public var objects: [UnsafeMutableRawPointer] = unsafe []
    public var held: [HeldThing] = []

    public init(version: UInt32, connection: UInt64, octets: [UInt8]) {
        self.version = version
        self.connection = connection
        self.octets = octets
    }

    /// A copy; kinds that this side does not know are left out and keep their tokens.
    init(_ raw: pa_handover_record_v1) {
        version = unsafe raw.version
        connection = unsafe raw.connection
        octets = unsafe Array(lent: raw.octets)
        unsafe objects = UnsafeBufferPointer(start: raw.objects, count: Int(raw.object_count)).compactMap {
            unsafe $0
        }
        held = unsafe UnsafeBufferPointer(start: raw.held, count: Int(raw.held_count)).compactMap { thing in
            HeldThing.Kind(rawValue: thing.kind).map { HeldThing($0, thing.handle, token: thing.token) }
        }
    }

    /// Writes the tokens that an import has changed back into the host's record.
    func returnTokens(to raw: pa_handover_record_v1) {
        for index in 0..<Int(unsafe raw.held_count) {
            let theirs = unsafe raw.held[index]
            guard
                let mine = held.first(where: { $0.kind.rawValue == theirs.kind && $0.handle == theirs.handle }
                )
            else { continue }
            unsafe raw.held[index].token = mine.token
        }
    }
}

/// Where `LaneAdapter.exportConnections` offers its connections. Good for the length of that call.
@safe public struct HandoverSink {
    /// What became of a connection that was offered.
    public enum Answer {
        /// It is the new instance's, and so are its objects: forget it without a word to anybody.
        case taken
        case stays
        /// It stays for now: return; the export goes on in another turn.
        case later
    }

    let sink: pa_handover_sink
    let context: UnsafeMutableRawPointer?
    let refusals: HandoverRefusals

    /// Whether a connection was offered in an earlier turn and stays: no record need be made of it again.
    public func hasRefused(_ connection: UInt64) -> Bool { refusals.connections.contains(connection) }

    public func offer(_ record: HandoverRecord) -> Answer {
        let answer = pass(record)
        switch answer {
        case .taken: break
        case .stays: refusals.connections.insert(record.connection)
        case .later: refusals.isUnfinished = true
        }
        return answer
    }

    private func pass(_ record: HandoverRecord) -> Answer {
        let memory = CMemory()
        var held = record.held.map {
            pa_held_v1(kind: $0.kind.rawValue, reserved: 0, handle: $0.handle, token: $0.token)
        }
        return unsafe held.withUnsafeMutableBufferPointer { held in
            var raw = unsafe pa_handover_record_v1()
            unsafe raw.size = UInt32(MemoryLayout<pa_handover_record_v1>.size)
            unsafe raw.version = record.version
            unsafe raw.connection = record.connection
            unsafe raw.octets = memory.octets(record.octets)
            unsafe raw.objects = memory.array(record.objects.map { unsafe Optional($0) })
            unsafe raw.object_count = UInt32(record.objects.count)
            unsafe raw.held = held.baseAddress
            unsafe raw.held_count = UInt32(held.count)
            return withExtendedLifetime(memory) {
                switch unsafe sink(context, &raw) {
                case PA_OK: .taken
                case PA_ERROR_LIMIT: .later
                default: .stays
                }
            }
        }
    }
}

/// What the new instance has refused in the turns of one export.
final class HandoverRefusals {
    fileprivate(set) var connections: Set<UInt64> = []
    fileprivate var isUnfinished = false

    /// One turn of the export; after the last one nothing is remembered.
    func turn(_ export: (HandoverRefusals) -> Void) {
        isUnfinished = false
        export(self)
        if !isUnfinished { connections = [] }
    }
}
