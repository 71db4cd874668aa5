import EngineParts
public import OpenSSL
public import PluginABI

/// An SA in the direction to the peer: makes packets in place. RFC 4303 §3.3. Belongs to one lane.
public final class OutboundSA {
    /// The peer's.
    public let spi: UInt32
    public let suite: ESPSuite
    /// What it was made of; a secret.
    public let keys: SecretBytes
    /// The last number used; they begin at 1 and never wrap.
    public internal(set) var sequenceNumber: UInt64 = 0
    public internal(set) var octets: UInt64 = 0
    let lastNumber: UInt64
    private let protection: Protection

    /// `keys` has `suite.keyLength` octets.
    public init(spi: UInt32, _ suite: ESPSuite, keys: SecretBytes) throws(OpenSSLError) {
        self.spi = spi
        self.suite = suite
        self.keys = keys
        lastNumber = suite.isExtended ? .max : UInt64(UInt32.max)
        protection = try Protection(suite, keys.bytes, .encrypt)
    }

    /// Whether so few numbers are left that a successor is needed.
    public var isNearlyExhausted: Bool { sequenceNumber >= lastNumber / 16 * 15 }

    /// Makes a packet of the payload in `slice`, a packet of the protocol `nextHeader`. Nil: done; the slice
    /// is the packet from its SPI on.
    public func seal(_ slice: inout pa_slice_v1, nextHeader: UInt8) -> ESPDrop? {
        let length = Int(unsafe slice.length)
        let padding = -(length + ESPHeader.trailerLength) & (suite.alignment - 1)
        let trailer = padding + ESPHeader.trailerLength
        guard let text = unsafe slice.start, unsafe Int(slice.headroom) >= suite.headroom,
            unsafe Int(slice.tailroom) >= trailer + suite.icvLength
        else { return .noRoom }
        guard sequenceNumber < lastNumber else { return .exhausted }
        sequenceNumber &+= 1
        for index in 0..<padding { unsafe text[length + index] = UInt8(truncatingIfNeeded: index &+ 1) }
        unsafe text[length + padding] = UInt8(truncatingIfNeeded: padding)
        unsafe text[length + padding + 1] = nextHeader
        let start = unsafe text - suite.headroom
        let low = UInt32(truncatingIfNeeded: sequenceNumber)
        unsafe UnsafeMutableRawPointer(start).storeBytes(of: spi.bigEndian, as: UInt32.self)
        unsafe UnsafeMutableRawPointer(start + 4).storeBytes(of: low.bigEndian, as: UInt32.self)
        guard unsafe protection.seal(start, length + trailer, number: sequenceNumber) else {
            return .cipherFailed
        }
        unsafe slice.extendBack(trailer + suite.icvLength)
        unsafe slice.extendFront(suite.headroom)
        octets &+= UInt64(unsafe slice.length)
        return nil
    }
}
