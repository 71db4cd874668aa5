import EngineParts
public import OpenSSL
public import PluginABI

/// An SA in the direction to us: opens packets in place, each once. RFC 4303 §3.4. Belongs to one lane.
public final class InboundSA {
    /// Ours: peers put it into their packets.
    public let spi: UInt32
    public let suite: ESPSuite
    /// What it was made of; a secret.
    public let keys: SecretBytes
    var window = ReplayWindow<UInt64>()
    /// Of packets that were opened.
    public internal(set) var octets: UInt64 = 0
    public internal(set) var packets: UInt64 = 0
    /// The last packet that was opened has the highest number so far: where it came from is where the peer is
    /// now. One that is late or held back says nothing of that.
    public internal(set) var isNewest = false
    private let protection: Protection

    public enum Opened: Equatable {
        /// The slice is the payload, of the protocol with this number.
        case payload(UInt8)
        case dropped(ESPDrop)
    }

    /// `keys` has `suite.keyLength` octets.
    public init(spi: UInt32, _ suite: ESPSuite, keys: SecretBytes) throws(OpenSSLError) {
        self.spi = spi
        self.suite = suite
        self.keys = keys
        protection = try Protection(suite, keys.bytes, .decrypt)
    }

    /// `slice` is a packet from its SPI on. One that is dropped changes nothing but its own octets.
    public func open(_ slice: inout pa_slice_v1) -> Opened {
        let length = Int(unsafe slice.length)
        let sealed = length - suite.headroom - suite.icvLength
        guard sealed >= ESPHeader.trailerLength, sealed % suite.alignment == 0,
            let start = unsafe slice.start
        else { return .dropped(.truncated) }
        let low = unsafe UnsafeRawPointer(start + 4).loadUnaligned(as: UInt32.self).bigEndian
        let number = suite.isExtended ? window.extended(low) : UInt64(low)
        guard window.mayAccept(number) else { return .dropped(.replayed) }
        guard unsafe protection.open(start, length, number: number) else { return .dropped(.notAuthentic) }
        isNewest = number > window.newest
        window.accept(number)
        octets &+= UInt64(length)
        packets &+= 1
        let end = unsafe start + suite.headroom + sealed
        let padding = Int(unsafe end[-2])
        let nextHeader = unsafe end[-1]
        guard padding + ESPHeader.trailerLength <= sealed else { return .dropped(.badPadding) }
        guard nextHeader != ESPHeader.dummy else { return .dropped(.dummy) }
        unsafe slice.dropLast(padding + ESPHeader.trailerLength + suite.icvLength)
        unsafe slice.dropFirst(suite.headroom)
        return .payload(nextHeader)
    }
}
