import OpenSSL

@testable import PPP

/// A client's end of EAP-TLS.
struct PeerTLS: @unchecked Sendable {
    /// What was said last, and to which request.
    var last: (identifier: UInt8, answer: EAPTLSPacket)?
    private(set) var masterSessionKey: SecretBytes?

    private let session: TLSSession?
    private let fragment: Int
    private var incoming: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var isFirst = true

    init(_ context: TLSContext, fragment: Int) {
        session = try? TLSSession(context)
        self.fragment = fragment
    }

    mutating func answer(_ request: EAPTLSPacket) -> EAPTLSPacket {
        if outgoing.isEmpty {
            incoming += request.data
            guard !request.hasMore else { return .acknowledgement }
            advance()
        }
        return next()
    }

    private mutating func advance() {
        guard let session else { return }
        try? session.receive(incoming)
        incoming = []
        if (try? session.handshake()) == true {
            // The success that TLS 1.3 protects.
            _ = try? session.read(limit: 16)
            let material =
                session.isTLS13
                ? try? session.exportKeyingMaterial(
                    label: "EXPORTER_EAP_TLS_Key_Material", context: [13], count: 128)
                : try? session.exportKeyingMaterial(label: "client EAP encryption", count: 128)
            masterSessionKey = material.map { SecretBytes(copying: $0.bytes.extracting(first: 64)) }
        }
        outgoing = session.takeOutput(upTo: .max)
        isFirst = true
    }

    private mutating func next() -> EAPTLSPacket {
        let data = Array(outgoing.prefix(fragment))
        let length = isFirst && outgoing.count > fragment ? UInt32(outgoing.count) : nil
        outgoing.removeFirst(data.count)
        isFirst = false
        return EAPTLSPacket(hasMore: !outgoing.isEmpty, messageLength: length, data: data)
    }
}
