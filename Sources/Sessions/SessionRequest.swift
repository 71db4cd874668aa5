public import PluginABI
import Wire

/// What a session is opened with; a copy of `pa_session_request_v1`.
public struct SessionRequest: Sendable {
    public enum Layer: UInt32, Sendable {
        case two = 2
        case three = 3
    }

    public var layer: Layer
    public var identity: Identity
    /// The largest IP packet that fits the tunnel; TCP's MSS is clamped to it. 0: not said.
    public var mtu: UInt16 = 0
    /// Octets that the adapter puts in front of a frame, and behind it.
    public var headroom: UInt16 = 0
    public var tailroom: UInt16 = 0
    public var protocolName = ""
    public var cipher = ""
    public var software: String?
    public var hostName: String?
    /// Tells several devices of one user apart, the same at each connection.
    public var instance: [UInt8] = []
    public var remote = pa_address_v1()
    /// The address that a layer-3 client asks for; no family: any.
    public var wish = pa_address_v1()

    /// Nil: any.
    var wishedAddress: IPv4Address? {
        guard wish.family == UInt8(PA_FAMILY_IPV4) else { return nil }
        let octets = [wish.octets.0, wish.octets.1, wish.octets.2, wish.octets.3]
        let address = IPv4Address(octets.reduce(0) { $0 << 8 | UInt32($1) })
        return address.isHostAddress ? address : nil
    }

    public init(layer: Layer, identity: Identity) {
        self.layer = layer
        self.identity = identity
    }
}
