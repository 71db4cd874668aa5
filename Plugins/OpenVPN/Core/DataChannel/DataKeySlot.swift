import EngineParts
import OpenSSL
import PluginABI
import Wire

/// One generation of data keys: its ciphers, the packet ids that it has sent and seen.
final class DataKeySlot {
    private enum Protection: ~Copyable {
        case aead(AEADProtection)
        case cbc(CBCProtection)
    }

    /// Ids and AES-GCM blocks after which a new generation is asked for, with time to make one.
    static let packetIDsBeforeRenegotiation: UInt32 = 0xff00_0000
    /// 2^36 blocks under one AES-GCM key keep an attacker's advantage below 2^-57
    /// (draft-irtf-cfrg-aead-limits).
    static let blocksBeforeRenegotiation: UInt64 = (1 << 36) / 8 * 7

    /// The last packet id used; ids begin at 1 and never wrap.
    private(set) var lastPacketID: UInt32
    private(set) var window = ReplayWindow<UInt32>()
    private(set) var renegotiationIsDue = false
    private var blocks: UInt64 = 0
    private let suite: DataCipherSuite
    /// For another instance of the module, which makes ciphers of its own.
    private let keys: DataKeys
    private let protection: Protection

    init(
        _ suite: DataCipherSuite, _ keys: DataKeys, role: DataKeys.Role, lastPacketID: UInt32 = 0
    ) throws(OpenSSLError) {
        self.lastPacketID = lastPacketID
        self.suite = suite
        self.keys = keys
        switch suite.cipher.algorithm {
        case .aead(let algorithm):
            protection = .aead(try AEADProtection(algorithm, keys, role: role))
        case .cbc(let algorithm):
            protection = .cbc(
                try CBCProtection(algorithm, suite.authentication ?? .sha1, keys, role: role))
        }
    }
}

/// The first octets of a data packet that we send: opcode, key id and, for P_DATA_V2, the peer id.
struct DataHead {
    /// In network byte order, left-aligned: P_DATA_V1 uses its first octet only.
    let octets: UInt32
    let length: Int

    init(_ keyID: KeyID, peerID: UInt32?) {
        let opcode: Opcode = peerID == nil ? .dataV1 : .dataV2
        let first = UInt32(opcode.rawValue << 3 | keyID.rawValue)
        octets = (first << 24 | (peerID ?? 0) & 0xff_ffff).bigEndian
        length = peerID == nil ? 1 : 4
    }
}

extension DataKeySlot {
    /// Makes a data packet of the octets in `slice`. Nil: done; the slice is the packet.
    @inline(__always)
    func seal(_ slice: inout pa_slice_v1, _ head: DataHead) -> DropReason? {
        guard lastPacketID < .max else { return .exhausted }
        let length = Int(unsafe slice.length)
        switch protection {
        case .aead(let aead):
            let added = head.length + AEADProtection.headerLength
            guard unsafe Int(slice.headroom) >= added, let text = unsafe slice.start else { return .noRoom }
            lastPacketID &+= 1
            unsafe Self.write(head, at: text - added)
            let authenticated = head.length == 1 ? 4 : 8
            guard unsafe aead.seal(text, length, packetID: lastPacketID, authenticated: authenticated) else {
                return .cipherFailed
            }
            unsafe slice.extendFront(added)
            blocks &+= UInt64(length &+ 31) / 16

        case .cbc(let cbc):
            let before = 4 + CBCProtection.ivLength + cbc.digestLength + head.length
            guard unsafe Int(slice.headroom) >= before, unsafe slice.tailroom >= CBCProtection.blockLength,
                let text = unsafe slice.start
            else { return .noRoom }
            lastPacketID &+= 1
            let plain = unsafe text - 4
            unsafe UnsafeMutableRawPointer(plain).storeBytes(of: lastPacketID.bigEndian, as: UInt32.self)
            let sealed = unsafe cbc.seal(plain, length + 4)
            guard sealed >= 0 else { return .cipherFailed }
            unsafe Self.write(head, at: text - before)
            unsafe slice.extendBack(sealed - length - 4)
            unsafe slice.extendFront(before)
        }
        if lastPacketID >= Self.packetIDsBeforeRenegotiation || blocks >= Self.blocksBeforeRenegotiation {
            renegotiationIsDue = true
        }
        return nil
    }

    /// Takes the octets out of a data packet whose opcode and peer id have `headLength` octets. Nil: done;
    /// the slice is what the peer sealed. A packet that is refused changes nothing but its own octets.
    @inline(__always)
    func open(_ slice: inout pa_slice_v1, headLength: Int) -> DropReason? {
        let length = Int(unsafe slice.length)
        let packetID: UInt32
        switch protection {
        case .aead(let aead):
            let removed = headLength + AEADProtection.headerLength
            guard length > removed, let start = unsafe slice.start else { return .truncated }
            packetID = unsafe UnsafeRawPointer(start + headLength).loadUnaligned(as: UInt32.self).bigEndian
            guard window.mayAccept(packetID) else { return .replayed }
            let authenticated = headLength == 1 ? 4 : 8
            guard
                unsafe aead.open(
                    start + removed, length - removed, packetID: packetID, authenticated: authenticated)
            else { return .notAuthentic }
            unsafe slice.dropFirst(removed)

        case .cbc(let cbc):
            let removed = headLength + cbc.digestLength + CBCProtection.ivLength
            let sealed = length - removed
            guard sealed > 0, sealed % CBCProtection.blockLength == 0, let start = unsafe slice.start else {
                return .truncated
            }
            let plain = unsafe start + removed
            let opened = unsafe cbc.open(plain, sealed)
            guard opened >= 0 else { return .notAuthentic }
            guard opened >= 4 else { return .truncated }
            packetID = unsafe UnsafeRawPointer(plain).loadUnaligned(as: UInt32.self).bigEndian
            guard window.mayAccept(packetID) else { return .replayed }
            unsafe slice.dropLast(sealed - opened)
            unsafe slice.dropFirst(removed + 4)
        }
        window.accept(packetID)
        if packetID >= Self.packetIDsBeforeRenegotiation { renegotiationIsDue = true }
        return nil
    }

    @inline(__always)
    private static func write(_ head: DataHead, at target: UnsafeMutablePointer<UInt8>) {
        if head.length == 4 {
            unsafe UnsafeMutableRawPointer(target).storeBytes(of: head.octets, as: UInt32.self)
        } else {
            unsafe target.pointee = UInt8(truncatingIfNeeded: head.octets)
        }
    }
}

// MARK: - Handover

extension DataKeySlot {
    func serialize(into octets: inout [UInt8]) {
        suite.serialize(into: &octets)
        let material = keys.material
        octets.append(contentsOf: [UInt8](copying: material.bytes))
        octets.appendBigEndian(lastPacketID)
        window.serialize(into: &octets)
        octets.append(renegotiationIsDue)
        octets.appendBigEndian(blocks)
    }

    convenience init(parsing reader: inout ByteReader) throws(WireError) {
        let suite = try DataCipherSuite(parsing: &reader)
        var material = try reader.take(DataKeys.length)
        defer { wipe(&material) }
        let keys = DataKeys(exported: SecretBytes(copying: material))
        let lastPacketID = try reader.read(UInt32.self)
        do {
            try self.init(suite, keys, role: .server, lastPacketID: lastPacketID)
        } catch {
            throw .badValue
        }
        window = try ReplayWindow(parsing: &reader)
        renegotiationIsDue = try reader.readFlag()
        blocks = try reader.read(UInt64.self)
    }
}
