/// An IEEE 802.1Q tag: 802.1Q-2022 §9.6 calls its two octets the Tag Control Information.
public struct VLANTag: Hashable, Sendable {
    public let tagControl: UInt16
    public init(tagControl: UInt16) { self.tagControl = tagControl }

    /// 1...4094; 0 is a priority tag without a VLAN, 4095 is reserved.
    public var id: UInt16 { tagControl & 0x0fff }
    public var priority: UInt8 { UInt8(tagControl >> 13) }
    public var isDropEligible: Bool { tagControl & 0x1000 != 0 }
}

extension EthernetFrame {
    /// What a frame carries behind its tags.
    public struct Content: Equatable, Sendable {
        public var outerTag: VLANTag?
        /// Only of a doubly tagged frame (802.1ad).
        public var innerTag: VLANTag?
        public var etherType: EtherType
        /// Of the payload, from the frame's first octet; at most its length.
        public var offset: Int
    }

    /// Looks behind at most two tags. Throws `truncated` where a tag does not fit, `tooDeep` at a third.
    public func content() throws(WireError) -> Content {
        var content = Content(etherType: etherType, offset: Self.headerLength)
        while content.etherType == .vlan || content.etherType == .serviceVLAN {
            guard content.innerTag == nil else { throw .tooDeep }
            guard content.offset + 4 <= bytes.byteCount else { throw .truncated }
            let tag = VLANTag(tagControl: bytes.bigEndian(at: content.offset))
            if content.outerTag == nil { content.outerTag = tag } else { content.innerTag = tag }
            content.etherType = EtherType(rawValue: bytes.bigEndian(at: content.offset + 2))
            content.offset += 4
        }
        return content
    }
}
