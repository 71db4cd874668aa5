public import PluginABI

/// Receives the octets of a stream. All calls are made on the stream's lane.
public protocol StreamHandler: AnyObject {
    /// [lane] Everything that was received and not yet consumed, in one piece, lent until the turn ends, to
    /// be changed in place. Gives the number of octets that are done with; the others come again, in front of
    /// what follows. Headroom of the first octet and tailroom of the last are 256.
    func received(_ octets: pa_slice_v1, on stream: ByteStream) -> Int
    /// [lane] The peer sends no more. Writing is still possible.
    func finished(_ stream: ByteStream)
    /// [lane] A write was refused, or the queue was over half full, and half of it is free now.
    func writable(_ stream: ByteStream)
    /// [lane] The last call.
    func ended(_ stream: ByteStream, _ reason: StreamEnd)
}

extension StreamHandler {
    /// Most protocols have nothing to say to a peer that says no more.
    public func finished(_ stream: ByteStream) { stream.close() }
    public func writable(_ stream: ByteStream) {}
}

/// Why a stream ended.
public enum StreamEnd: Sendable, Equatable {
    /// By `close` or `reset` of this side.
    case closed
    /// The connection broke, or TLS failed; in words.
    case broken(String)
    /// It said too little in the time that it had to say who shall have it.
    case idle
    /// The handler consumed too little of what was received.
    case overrun
    /// The lane stopped.
    case laneStopped
}
