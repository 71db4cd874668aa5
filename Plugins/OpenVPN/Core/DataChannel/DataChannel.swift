import EngineParts
public import OpenSSL
public import PluginABI
import Wire

/// The data channel of one connection: takes packets out of P_DATA_V1 and P_DATA_V2, and puts them in, in
/// place.
///
/// Keys are installed under key ids by the control channel, which also says which of them to send with;
/// packets of every installed key are received. Allocates nothing per packet. Belongs to one lane.
public final class DataChannel {
    /// Generations of keys that may be installed at once: the current one, the one before, and the next.
    public static let maxKeys = 3

    public struct Counters: Equatable, Sendable {
        public internal(set) var packetsReceived: UInt64 = 0
        /// Octets of payload.
        public internal(set) var octetsReceived: UInt64 = 0
        public internal(set) var packetsSent: UInt64 = 0
        /// Octets of payload.
        public internal(set) var octetsSent: UInt64 = 0
        private var drops = [UInt64](repeating: 0, count: DropReason.allCases.count)

        public subscript(reason: DropReason) -> UInt64 {
            get { drops[reason.rawValue] }
            set { drops[reason.rawValue] = newValue }
        }
    }

    public let role: DataKeys.Role
    /// How the payload is marked. The push reply tells the client, so both sides change together.
    public var framing: CompressionFraming
    public private(set) var counters = Counters()
    /// Nil: P_DATA_V1 is sent.
    private let peerID: UInt32?
    private var slots = InlineArray<8, DataKeySlot?>(repeating: nil)
    private var sending: DataKeySlot?
    private var head = DataHead(.first, peerID: nil)

    /// `peerID`: 24 bits, what packets to the peer are labelled with; nil for a peer that does not know
    /// P_DATA_V2.
    public init(role: DataKeys.Role = .server, peerID: UInt32?, framing: CompressionFraming = .none) {
        self.role = role
        self.peerID = peerID
        self.framing = framing
    }
}

extension DataChannel {
    /// Makes packets of `keyID` readable from now on. The first key is also sent with at once.
    public func install(
        _ keys: DataKeys, _ suite: DataCipherSuite, as keyID: KeyID
    ) throws(OpenSSLError) {
        install(try DataKeySlot(suite, keys, role: role), as: keyID)
    }

    func install(_ slot: DataKeySlot, as keyID: KeyID) {
        let others = (0..<8).count { slots[$0] != nil && $0 != Int(keyID.rawValue) }
        precondition(others < Self.maxKeys, "an old key was not removed")
        slots[Int(keyID.rawValue)] = slot
        if sending == nil { send(with: keyID) }
    }

    /// From now on packets are sealed with this key. It is installed.
    public func send(with keyID: KeyID) {
        guard let slot = slots[Int(keyID.rawValue)] else {
            preconditionFailure("a key to send with is not installed")
        }
        sending = slot
        head = DataHead(keyID, peerID: peerID)
    }

    /// Wipes a key. If it was the one to send with, nothing is sent until the next `send(with:)` or
    /// `install`.
    public func remove(_ keyID: KeyID) {
        if sending === slots[Int(keyID.rawValue)] { sending = nil }
        slots[Int(keyID.rawValue)] = nil
    }

    public func hasKey(_ keyID: KeyID) -> Bool { slots[Int(keyID.rawValue)] != nil }

    /// The key in use has few packet ids left, or has encrypted about as much as its cipher bears.
    public var renegotiationIsDue: Bool { sending?.renegotiationIsDue ?? false }
}

extension DataChannel {
    /// Opens the data packet that `slice` is, in place. Nothing outside of it is written.
    public func open(_ slice: inout pa_slice_v1) -> Opened {
        guard unsafe slice.length > 0, let start = unsafe slice.start else { return dropped(.truncated) }
        let first = unsafe start.pointee
        guard let opcode = Opcode(firstOctet: first), opcode.isData else { return dropped(.notData) }
        let headLength = opcode == .dataV2 ? 4 : 1
        guard let slot = slots[Int(first & 7)] else { return dropped(.noKey) }
        if let reason = unsafe slot.open(&slice, headLength: headLength) { return dropped(reason) }
        if let reason = unsafe framing.unmark(&slice) { return dropped(reason) }
        counters.packetsReceived &+= 1
        unsafe counters.octetsReceived &+= UInt64(slice.length)
        return unsafe DataMessage.classify(slice)
    }

    /// Makes a data packet of the payload that `slice` is, in place, in its headroom and tailroom. Nil: done;
    /// otherwise the payload is to be dropped.
    public func seal(_ slice: inout pa_slice_v1) -> DropReason? {
        guard let slot = sending else { return refused(.noKey) }
        let octets = unsafe slice.length
        if framing != .none, unsafe !framing.mark(&slice) { return refused(.noRoom) }
        if let reason = unsafe slot.seal(&slice, head) { return refused(reason) }
        counters.packetsSent &+= 1
        counters.octetsSent &+= UInt64(octets)
        return nil
    }

    private func dropped(_ reason: DropReason) -> Opened {
        counters[reason] &+= 1
        return .dropped(reason)
    }

    private func refused(_ reason: DropReason) -> DropReason {
        counters[reason] &+= 1
        return reason
    }
}

// MARK: - Handover

extension DataChannel {
    func serialize(into octets: inout [UInt8]) {
        octets.appendOptional(peerID) { $0.appendBigEndian($1) }
        octets.append(framing.rawValue)
        counters.serialize(into: &octets)
        for index in slots.indices {
            octets.appendOptional(slots[index]) { $1.serialize(into: &$0) }
        }
        let current = slots.indices.first { sending != nil && slots[$0] === sending }
        octets.appendOptional(current) { $0.append(UInt8($1)) }
    }

    /// A server's.
    convenience init(parsing reader: inout ByteReader) throws(WireError) {
        let peerID = try reader.readFlag() ? try reader.read(UInt32.self) : nil
        guard let framing = CompressionFraming(rawValue: try reader.read(UInt8.self)) else {
            throw .badValue
        }
        self.init(peerID: peerID, framing: framing)
        counters = try Counters(parsing: &reader)
        for index in slots.indices where try reader.readFlag() {
            slots[index] = try DataKeySlot(parsing: &reader)
        }
        guard try reader.readFlag() else { return }
        let keyID = KeyID(try reader.read(UInt8.self))
        guard hasKey(keyID) else { throw .badValue }
        send(with: keyID)
    }
}

extension DataChannel.Counters {
    fileprivate func serialize(into octets: inout [UInt8]) {
        for count in [packetsReceived, octetsReceived, packetsSent, octetsSent] {
            octets.appendBigEndian(count)
        }
    }

    /// Drops are counted anew: they were reported when they happened.
    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        packetsReceived = try reader.read(UInt64.self)
        octetsReceived = try reader.read(UInt64.self)
        packetsSent = try reader.read(UInt64.self)
        octetsSent = try reader.read(UInt64.self)
    }
}
