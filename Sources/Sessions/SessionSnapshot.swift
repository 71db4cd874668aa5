public import Hub
public import LayerConverter
public import PluginABI
public import Wire

/// What an administrator may see of a session, at one moment.
public struct SessionSnapshot: Sendable {
    public var id: UInt64
    public var user: String
    public var hub: String
    public var layer: SessionRequest.Layer
    public var protocolName: String
    public var cipher: String
    public var software: String?
    public var remote: pa_address_v1
    /// The lent MAC address, at layer 3.
    public var mac: MACAddress?
    public var lease: AddressLease?
    public var port: UInt16
    public var lane: Int
    /// Seconds since 1970.
    public var since: UInt64
    public var duration: Duration
    public var counters: HubPort.Counters
    public var isOpen: Bool
    /// Is given all frames of the hub, and sends none.
    public var isMonitor: Bool
}
