/// What `DataChannel.open` found in a packet.
public enum Opened: Equatable, Sendable {
    /// The slice is now the IP packet or Ethernet frame that was inside.
    case payload
    /// A keep-alive. The slice is its content; nothing is to be done with it but to remember that the peer
    /// lives.
    case ping
    /// The slice is now the whole message.
    case occ(OCCMessage)
    /// The packet is to be dropped; the slice is unspecified, within its old bounds.
    case dropped(DropReason)
}

/// Why a packet of the data channel went no further. The raw value is its index in
/// `DataChannel.Counters.drops`.
public enum DropReason: Int, Sendable, CaseIterable {
    /// Shorter than its own headers, or a ciphertext that is not whole blocks.
    case truncated
    /// Not P_DATA_V1 or P_DATA_V2.
    case notData
    /// There is no key for its key id.
    case noKey
    /// Forged, damaged, or of other keys.
    case notAuthentic
    /// Seen before, too old, or numbered zero.
    case replayed
    /// Compressed, or without the framing that was agreed.
    case compressed
    /// Nothing inside.
    case empty
    /// Sending: the key has used all its packet ids.
    case exhausted
    /// Sending: the slice lacks headroom or tailroom.
    case noRoom
    /// OpenSSL failed where only memory can fail it.
    case cipherFailed
}
