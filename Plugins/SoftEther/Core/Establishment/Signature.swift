import OpenSSL

/// The body of a client's first request, by which it shows that it is one: a picture of 1,411 octets that all
/// clients carry, with up to 2,000 random octets behind it, or the word VPNCONNECT. The picture is known by
/// its digest.
enum Signature {
    static let target = "/vpnsvc/connect.cgi"
    private static let pictureLength = 1411
    private static let maxPadding = 2000
    private static let word = Array("VPNCONNECT".utf8)
    /// SHA-256 of the picture.
    private static let pictureDigest: [UInt8] = [
        0x96, 0xa7, 0x06, 0xbb, 0xab, 0x37, 0x8e, 0xc3, 0x7d, 0xfe, 0xf2, 0x1e, 0x02, 0xb1, 0xa3, 0xc1,
        0x77, 0xfb, 0xeb, 0xef, 0xfa, 0x03, 0x9e, 0xb0, 0xef, 0xac, 0x91, 0x86, 0x30, 0xdf, 0x12, 0xa0,
    ]

    static func isValid(_ body: [UInt8]) -> Bool {
        if body == word { return true }
        guard (pictureLength...pictureLength + maxPadding).contains(body.count),
            let digest = try? DigestAlgorithm.sha256.hash(Array(body.prefix(pictureLength)))
        else { return false }
        return digest == pictureDigest
    }
}
