public import Wire

/// The wrapping of one connection: its keys, the counter of what it sends, the window of what it received.
public struct ControlWrapping {
    public let keys: ControlKeys
    private var sent: ReplayID
    private var window = ReplayIDWindow()

    /// `time`: seconds since 1970 at which counting begins. `sentBefore`: packets that a stateless answer
    /// has used up.
    public init(_ keys: ControlKeys, time: UInt32, sentBefore: UInt32 = 0) {
        self.keys = keys
        sent = ReplayID(id: sentBefore, time: time)
    }

    public mutating func wrap(_ packet: ControlPacket) throws(WireError) -> [UInt8] {
        sent.id &+= 1
        return try keys.wrap(packet, sent)
    }

    /// Refuses replays too.
    public mutating func unwrap(_ bytes: [UInt8]) throws(WireError) -> ControlPacket {
        let unwrapped = try keys.unwrap(try Self.withoutWrappedKey(bytes))
        guard accept(unwrapped.replayID) else { throw .badValue }
        return unwrapped.packet
    }

    /// A tls-crypt-v2 client repeats its first packets with the wrapped key behind them, which is known by
    /// now.
    private static func withoutWrappedKey(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
        guard let first = bytes.first, Opcode(firstOctet: first)?.carriesWrappedKey == true else {
            return bytes
        }
        return Array(bytes.dropLast(try TLSCryptV2Wrapper.wrappedLength(in: bytes)))
    }

    /// For a packet that was unwrapped before the connection existed.
    public mutating func accept(_ replayID: ReplayID?) -> Bool {
        guard let replayID else { return true }
        return window.accept(replayID)
    }
}

// MARK: - Handover

extension ControlWrapping {
    func serialize(into octets: inout [UInt8]) {
        keys.serialize(into: &octets)
        sent.serialize(into: &octets)
        window.serialize(into: &octets)
    }

    /// `shared`: taken instead of keys of its own where they are the same.
    init(parsing reader: inout ByteReader, shared: [ControlKeys]) throws(WireError) {
        keys = try ControlKeys(parsing: &reader, shared: shared)
        sent = try ReplayID(parsing: &reader)
        window = try ReplayIDWindow(parsing: &reader)
    }
}
