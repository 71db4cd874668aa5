import Foundation
import OpenSSL
import Wire

/// A file of `Tests/Interop/record-ipsec`: what a real client and the server said to each other, and the
/// secrets that belong to it.
struct Recording {
    struct Packet {
        let isClients: Bool
        let client: TransportAddress
        /// Without the zeros of a shared port.
        let octets: [UInt8]
        let isIKE: Bool
    }

    var preSharedKey: SecretBytes?
    /// Of the exchanges of keys, in their order.
    private(set) var secrets: [SecretBytes] = []
    private(set) var packets: [Packet] = []

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Recorded")

    static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.map { String($0.dropLast(4)) }.sorted()
    }

    /// Lines begin with a word, and go on in further ones that are indented; `#` begins a comment.
    init(_ name: String) throws {
        let file = Self.folder.appending(path: "\(name).txt")
        let text = try String(contentsOf: file, encoding: .utf8).replacing("\n    ", with: " ")
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            switch words[0] {
            case "psk": preSharedKey = SecretBytes(copying: [UInt8](hex: words[1]))
            case "secret": secrets.append(SecretBytes(copying: [UInt8](hex: words[1...].joined())))
            default: packets.append(Self.packet(words))
            }
        }
    }

    /// `> ADDRESS PORT OCTETS` from the client, `<` to it; port 0: ESP in IP.
    private static func packet(_ words: [Substring]) -> Packet {
        let host = words[1].split(separator: ".").reduce(0) { $0 << 8 | (UInt32($1) ?? 0) }
        let port = UInt16(words[2]) ?? 0
        let octets = [UInt8](hex: words[3...].joined())
        let isMarked = port == 4500 && octets.prefix(4) == [0, 0, 0, 0]
        return Packet(
            isClients: words[0] == ">", client: TransportAddress(ipv4: host, port: port),
            octets: Array(octets.dropFirst(isMarked ? 4 : 0)), isIKE: port == 500 || isMarked)
    }
}

extension [UInt8] {
    fileprivate init(hex: some StringProtocol) {
        let digits = hex.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
