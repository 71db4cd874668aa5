public import LayerConverter
public import PluginABI
public import Policy
public import Wire

/// The module that a session belongs to, on the session's lane. Nothing here but `sessionEnded` is called
/// from inside a call that the owner makes.
public protocol SessionOwner: AnyObject {
    /// The session carries traffic from now on. `parameters` is nil at layer 2.
    func sessionOpened(token: UInt64, handle: UInt64, parameters: AddressLease?)
    /// What the session has of IPv6 is now this; nil: nothing any more. What is known when it opens comes
    /// before `sessionOpened`.
    func sessionChanged(token: UInt64, ipv6: IPv6Network?)
    func sessionRefused(token: UInt64, reason: SessionReason, sentence: String)
    /// Frames or packets for the client, in order, lent until the turn ends, to be changed in place.
    func transmit(token: UInt64, _ batch: UnsafeMutableBufferPointer<pa_slice_v1>)
    /// The host has ended the session.
    func sessionClosed(token: UInt64, reason: SessionReason, sentence: String)
    /// The handle is void, whoever ended the session and whether or not it was ever open.
    func sessionEnded(handle: UInt64)
}

/// Hears of the sessions of all lanes, for logs. Called on their lanes; must not block.
public protocol SessionObserver: AnyObject, Sendable {
    func sessionOpened(_ session: SessionSnapshot)
    func sessionRefused(_ session: SessionSnapshot, reason: SessionReason, sentence: String)
    func sessionAddressed(_ session: SessionSnapshot)
    /// It has these IPv6 addresses, too.
    func sessionAddressed(_ session: SessionSnapshot, ipv6: [IPv6Address])
    /// The policy has for the first time denied one of its frames for this reason.
    func sessionDenied(_ session: SessionSnapshot, _ denial: Denial)
    func sessionClosed(_ session: SessionSnapshot, reason: SessionReason, sentence: String)
}
