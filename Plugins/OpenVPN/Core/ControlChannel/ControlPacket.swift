public import Wire

/// The nine octets that open every control packet and that no wrapping hides.
///
///      0         1                    9
///     +---------+--------------------+------ - -
///     |opc | kid| own session id     | body, wrapped or not
///     +---------+--------------------+------ - -
public struct ControlHead: Hashable, Sendable {
    public static let length = 9

    public var opcode: Opcode
    public var keyID: KeyID
    public var sessionID: SessionID

    public init(_ opcode: Opcode, _ keyID: KeyID, _ sessionID: SessionID) {
        self.opcode = opcode
        self.keyID = keyID
        self.sessionID = sessionID
    }

    /// Refuses data packets and unknown opcodes.
    public init(parsing reader: inout ByteReader) throws(WireError) {
        let first = try reader.read(UInt8.self)
        guard let opcode = Opcode(firstOctet: first), !opcode.isData else { throw .badValue }
        self.opcode = opcode
        keyID = KeyID(first)
        sessionID = SessionID(try reader.read(UInt64.self))
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.append(opcode.rawValue << 3 | keyID.rawValue)
        bytes.appendBigEndian(sessionID.rawValue)
    }
}

/// What a control packet says once its wrapping is off: acknowledgements, and (unless it is a bare ACK) one
/// packet of the reliable stream. The acknowledged ids are 32 bits wide, whatever the drafts say of eight
/// octets.
///
///     +------------+---------------+-----------------------------+----------------------+---------
///     | count (1)  | ids (4*count) | peer session id, if count>0 | packet id, not in ACK| payload
///     +------------+---------------+-----------------------------+----------------------+---------
public struct ControlBody: Equatable, Sendable {
    /// Acknowledgements in a bare ACK, and in any packet that we accept.
    public static let maxAcknowledgements = 8
    /// Acknowledgements that we put into a packet that carries payload.
    public static let maxPiggybacked = 4

    public struct Message: Equatable, Sendable {
        public var packetID: UInt32
        public var payload: [UInt8]

        public init(packetID: UInt32, payload: [UInt8]) {
            self.packetID = packetID
            self.payload = payload
        }
    }

    public var acknowledged: [UInt32]
    /// The session id of the receiver of this packet; there exactly when something is acknowledged.
    public var peerSessionID: SessionID?
    /// Nil in a bare ACK.
    public var message: Message?

    /// `peerSessionID` is left out where nothing is acknowledged.
    public init(acknowledged: [UInt32] = [], peerSessionID: SessionID? = nil, message: Message?) {
        precondition(
            acknowledged.count <= Self.maxAcknowledgements, "too many acknowledgements for one packet")
        self.acknowledged = acknowledged
        self.peerSessionID = acknowledged.isEmpty ? nil : peerSessionID
        self.message = message
    }

    public init(parsing reader: inout ByteReader, of opcode: Opcode) throws(WireError) {
        let count = Int(try reader.read(UInt8.self))
        guard count <= Self.maxAcknowledgements else { throw .badLength }
        acknowledged = []
        for _ in 0..<count { acknowledged.append(try reader.read(UInt32.self)) }
        peerSessionID = count > 0 ? SessionID(try reader.read(UInt64.self)) : nil
        if opcode == .acknowledgement {
            guard count > 0, reader.remaining == 0 else { throw .badLength }
            message = nil
        } else {
            message = Message(packetID: try reader.read(UInt32.self), payload: reader.rest())
        }
    }

    init(_ bytes: [UInt8], of opcode: Opcode) throws(WireError) {
        var reader = unsafe ByteReader(bytes.span.bytes)
        try self.init(parsing: &reader, of: opcode)
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.append(UInt8(acknowledged.count))
        for id in acknowledged { bytes.appendBigEndian(id) }
        if let peerSessionID { bytes.appendBigEndian(peerSessionID.rawValue) }
        if let message {
            bytes.appendBigEndian(message.packetID)
            bytes.append(contentsOf: message.payload)
        }
    }
}

/// A whole control packet, unwrapped.
public struct ControlPacket: Equatable, Sendable {
    /// Octets of the largest control packet that we send; the MTU that OpenVPN assumes for its control
    /// channel.
    public static let maxSent = 1250
    /// Octets of the largest control packet that we look at (CVE-2017-7478). Old clients fill their link's
    /// MTU.
    public static let maxReceived = 2048

    public var head: ControlHead
    public var body: ControlBody

    public init(head: ControlHead, body: ControlBody) {
        self.head = head
        self.body = body
    }
}
