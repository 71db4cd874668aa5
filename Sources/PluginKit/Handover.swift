internal import PluginABI

/// One connection on its way from an old instance of a module to a new one, as octets that the module writes
/// and reads.
@safe public struct HandoverRecord {
    /// Of the octets, as the module counts.
    public var version: UInt32
    /// The old instance's name for it; 0: what the whole lane shares.
    public var connection: UInt64
    public var octets: [UInt8]
    /// Objects of C libraries that both instances share by address. Whose they are follows the record.
    @unsafe public var objects: [UnsafeMutableRawPointer] = unsafe []
    /// The old instance's tokens; `importConnection` writes its own over them. 0 is left alone.
    public var sessionTokens: [UInt64] = []
    public var streamTokens: [UInt64] = []

    public init(version: UInt32, connection: UInt64, octets: [UInt8]) {
        self.version = version
        self.connection = connection
        self.octets = octets
    }

    init(_ raw: pa_handover_record_v1) {
        version = unsafe raw.version
        connection = unsafe raw.connection
        octets = unsafe Array(lent: raw.octets)
        unsafe objects = UnsafeBufferPointer(start: raw.objects, count: Int(raw.object_count)).compactMap {
            unsafe $0
        }
        sessionTokens = unsafe Array(
            UnsafeBufferPointer(start: raw.session_tokens, count: Int(raw.session_count)))
        streamTokens = unsafe Array(
            UnsafeBufferPointer(start: raw.stream_tokens, count: Int(raw.stream_count)))
    }

    /// Writes the tokens that an import has changed back into the host's record.
    func returnTokens(to raw: pa_handover_record_v1) {
        for index in sessionTokens.indices where index < (unsafe raw.session_count) {
            unsafe raw.session_tokens[index] = sessionTokens[index]
        }
        for index in streamTokens.indices where index < (unsafe raw.stream_count) {
            unsafe raw.stream_tokens[index] = streamTokens[index]
        }
    }
}

/// Where `LaneAdapter.exportConnections` offers its connections. Good for the length of that call.
@safe public struct HandoverSink {
    let sink: pa_handover_sink
    let context: UnsafeMutableRawPointer?

    /// True: the connection was taken; forget it without a word to its peer, and do not free its objects.
    public func offer(_ record: HandoverRecord) -> Bool {
        var sessions = record.sessionTokens
        var streams = record.streamTokens
        let memory = CMemory()
        return unsafe sessions.withUnsafeMutableBufferPointer { sessions in
            unsafe streams.withUnsafeMutableBufferPointer { streams in
                var raw = unsafe pa_handover_record_v1()
                unsafe raw.size = UInt32(MemoryLayout<pa_handover_record_v1>.size)
                unsafe raw.version = record.version
                unsafe raw.connection = record.connection
                unsafe raw.octets = memory.octets(record.octets)
                unsafe raw.objects = memory.array(record.objects.map { unsafe Optional($0) })
                unsafe raw.object_count = UInt32(record.objects.count)
                unsafe raw.session_tokens = sessions.baseAddress
                unsafe raw.session_count = UInt32(sessions.count)
                unsafe raw.stream_tokens = streams.baseAddress
                unsafe raw.stream_count = UInt32(streams.count)
                return withExtendedLifetime(memory) { unsafe sink(context, &raw) == PA_OK }
            }
        }
    }
}
