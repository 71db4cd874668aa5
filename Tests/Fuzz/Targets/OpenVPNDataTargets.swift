import OpenSSL
import PluginABI

@testable import OpenVPNCore

extension FuzzTarget {
    static let openVPNDataTargets = [
        FuzzTarget("openvpn-data-packet", dataPacket), FuzzTarget("openvpn-data-payload", dataPayload),
    ]

    private static let suites = DataCipher.allCases.map { DataCipherSuite($0, authentication: .sha256) }
    private static let keys = DataKeys(exported: SecretBytes(copying: staticKey.octets))

    private static func channel(_ choice: UInt8, _ role: DataKeys.Role) -> DataChannel? {
        let framing = CompressionFraming(rawValue: choice >> 4 & 3) ?? .none
        let channel = DataChannel(role: role, peerID: choice & 0x40 == 0 ? 1 : nil, framing: framing)
        let suite = suites[Int(choice & 15) % suites.count]
        guard (try? channel.install(keys, suite, as: .first)) != nil else { return nil }
        return channel
    }

    /// The first octet chooses cipher and framing; what stands behind it is a packet.
    private static func dataPacket(_ bytes: [UInt8]) {
        guard let choice = bytes.first, let channel = channel(choice, .server) else { return }
        withSlice(Array(bytes.dropFirst()), headroom: 0, tailroom: 0) { _ = channel.open(&$0) }
    }

    /// The first octet chooses cipher and framing, what stands behind it is sealed without framing and opened
    /// with it; then sealed with it, which must come back.
    private static func dataPayload(_ bytes: [UInt8]) {
        guard let choice = bytes.first, bytes.count <= 4000, let bare = channel(choice & 0x4f, .client),
            let client = channel(choice, .client), let server = channel(choice, .server)
        else { return }
        let payload = Array(bytes.dropFirst())
        withSlice(payload, headroom: 128, tailroom: 17) { slice in
            guard bare.seal(&slice) == nil else { return }
            _ = server.open(&slice)
        }
        guard let reader = channel(choice, .server) else { return }
        withSlice(payload, headroom: 128, tailroom: 17) { slice in
            guard !payload.isEmpty, client.seal(&slice) == nil else { return }
            guard case .payload = reader.open(&slice) else { return }
            let opened = UnsafeBufferPointer(start: slice.start, count: Int(slice.length))
            precondition(opened.elementsEqual(payload), "a payload does not survive being sealed")
        }
    }

    /// Memory of exactly the slice and its rooms, so that the address sanitizer sees whoever leaves it.
    private static func withSlice(
        _ bytes: [UInt8], headroom: Int, tailroom: Int, _ body: (inout pa_slice_v1) -> Void
    ) {
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: headroom + bytes.count + tailroom)
        defer { memory.deallocate() }
        memory.initialize(repeating: 0)
        for (index, octet) in bytes.enumerated() { memory[headroom + index] = octet }
        guard let base = memory.baseAddress else { return }
        var slice = pa_slice_v1(
            start: base + headroom, length: UInt32(bytes.count), headroom: UInt16(headroom),
            tailroom: UInt16(tailroom))
        body(&slice)
    }
}
