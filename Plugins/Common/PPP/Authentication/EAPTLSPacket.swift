import Wire

/// The data of an EAP-TLS Request or Response, RFC 5216 §3: a TLS message, that is all that one side says
/// before the other one's turn, or a fragment of it. One without data acknowledges a fragment.
///
///      flags (1) | TLS message length (4), where flag L is set | TLS data
struct EAPTLSPacket: Equatable {
    private enum Flag {
        static let length: UInt8 = 0x80
        static let more: UInt8 = 0x40
        static let start: UInt8 = 0x20
    }

    /// Octets of the flags and the length.
    static let maxHeader = 5

    var isStart = false
    var hasMore = false
    /// Of the whole message; in its first fragment.
    var messageLength: UInt32?
    var data: [UInt8] = []

    static let start = EAPTLSPacket(isStart: true)
    static let acknowledgement = EAPTLSPacket()

    init(isStart: Bool = false, hasMore: Bool = false, messageLength: UInt32? = nil, data: [UInt8] = []) {
        self.isStart = isStart
        self.hasMore = hasMore
        self.messageLength = messageLength
        self.data = data
    }

    /// Flags that are reserved are ignored, as is S, which is a server's.
    init(parsing bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.rawSpan)
        let flags = try reader.read(UInt8.self)
        isStart = flags & Flag.start != 0
        hasMore = flags & Flag.more != 0
        messageLength = flags & Flag.length != 0 ? try reader.read(UInt32.self) : nil
        data = reader.rest()
    }

    var octets: [UInt8] {
        var octets: [UInt8] = [
            (messageLength == nil ? 0 : Flag.length) | (hasMore ? Flag.more : 0) | (isStart ? Flag.start : 0)
        ]
        if let messageLength { octets.appendBigEndian(messageLength) }
        return octets + data
    }

    /// Nothing but the wish to hear more.
    var isAcknowledgement: Bool { data.isEmpty && !hasMore && (messageLength ?? 0) == 0 }
}

/// Puts the fragments of the peer's message together. Whoever is not authenticated yet makes it keep
/// `maxMessage` octets at most.
struct EAPTLSReassembly {
    /// Octets of one message: the longest chain of certificates that is taken, and what stands around it.
    static let maxMessage = 16 * 1024

    /// What the fragments so far say.
    private var octets: [UInt8] = []
    /// What the first one has said of the whole.
    private var announced: UInt32?

    /// The message, once its last fragment is here; then the next one may begin. Throws where a fragment
    /// says what cannot be: the first of several without a length, another length than before, nothing at
    /// all, more or less than was announced, too much.
    mutating func add(_ packet: EAPTLSPacket) throws(WireError) -> [UInt8]? {
        guard !packet.data.isEmpty else { throw .badValue }
        if octets.isEmpty {
            guard packet.messageLength != nil || !packet.hasMore else { throw .badLength }
            announced = packet.messageLength
        } else if let again = packet.messageLength, again != announced {
            throw .badLength
        }
        let length = octets.count + packet.data.count
        guard length <= Self.maxMessage, (announced ?? 0) <= UInt32(Self.maxMessage) else {
            throw .badLength
        }
        if let announced {
            guard packet.hasMore ? length < announced : length == announced else { throw .badLength }
        }
        octets += packet.data
        guard !packet.hasMore else { return nil }
        defer { self = EAPTLSReassembly() }
        return octets
    }
}
