internal import PluginABI

/// Messages to OpenVPN itself that travel as data packets. Each begins with 16 octets that no Ethernet or IP
/// packet begins with.
public enum DataMessage {
    static let magicLength = 16
    public static let ping: [UInt8] = words(pingMagic)

    /// As big-endian halves.
    static let pingMagic: (UInt64, UInt64) = (0x2a18_7bf3_641e_b4cb, 0x07ed_2d0a_981f_c748)
    static let occMagic: (UInt64, UInt64) = (0x287f_346b_d4ef_7a81, 0x2d56_b8d3_afc5_459c)

    public static func occ(_ message: OCCMessage) -> [UInt8] { words(occMagic) + [message.rawValue] }

    /// What an opened packet is. It is not empty.
    static func classify(_ slice: pa_slice_v1) -> Opened {
        guard let start = unsafe slice.start, unsafe start.pointee == 0x2a || start.pointee == 0x28,
            unsafe Int(slice.length) >= magicLength
        else { return .payload }
        let octets = UnsafeRawPointer(start)
        let magic = unsafe (
            octets.loadUnaligned(as: UInt64.self).bigEndian,
            octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian
        )
        if magic == pingMagic, unsafe Int(slice.length) == magicLength { return .ping }
        if magic == occMagic, unsafe Int(slice.length) > magicLength {
            return unsafe .occ(OCCMessage(rawValue: start[magicLength]))
        }
        return .payload
    }

    private static func words(_ magic: (UInt64, UInt64)) -> [UInt8] {
        [magic.0, magic.1].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }
}

/// What an "options consistency check" message asks or says. Unknown values are kept.
public struct OCCMessage: RawRepresentable, Equatable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let request = OCCMessage(rawValue: 0)
    public static let reply = OCCMessage(rawValue: 1)
    public static let mtuLoadRequest = OCCMessage(rawValue: 2)
    public static let mtuLoad = OCCMessage(rawValue: 3)
    public static let mtuRequest = OCCMessage(rawValue: 4)
    public static let mtuReply = OCCMessage(rawValue: 5)
    /// The peer leaves: `explicit-exit-notify` of clients that do not say it over the control channel.
    public static let exit = OCCMessage(rawValue: 6)
}
