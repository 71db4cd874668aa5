public import PluginABI

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

    public init(layer: Layer, identity: Identity) {
        self.layer = layer
        self.identity = identity
    }
}
