import OpenSSL

/// Seals what must not be readable in a copy of the database: AES-256-GCM under the key file beside it. A
/// sealed value is nonce (12) | tag (16) | cipher text, and opens only under the name that it was sealed for.
struct SecretBox: Sendable {
    static let keyLength = AEADAlgorithm.aes256GCM.keyLength

    private let key: SecretBytes

    /// `key` has `keyLength` bytes.
    init(key: SecretBytes) { self.key = key }

    func seal(_ plain: [UInt8], for name: String) throws(OpenSSLError) -> [UInt8] {
        let tag = [UInt8](repeating: 0, count: AEADAlgorithm.tagLength)
        var sealed = try randomBytes(AEADAlgorithm.nonceLength) + tag + plain
        let context = try AEADContext(.aes256GCM, key: key.bytes, .encrypt)
        let isSealed = unsafe Self.withParts(of: &sealed, name) { nonce, tag, text, name in
            unsafe context.seal(text, nonce: nonce, authenticating: name, tag: tag)
        }
        guard isSealed else { throw OpenSSLError(taking: "AES-256-GCM") }
        return sealed
    }

    /// nil if it was sealed under another key or for another name, or has been changed since.
    func open(_ sealed: [UInt8], for name: String) throws(OpenSSLError) -> [UInt8]? {
        guard sealed.count >= Self.headerLength else { return nil }
        var opened = sealed
        let context = try AEADContext(.aes256GCM, key: key.bytes, .decrypt)
        let isOpen = unsafe Self.withParts(of: &opened, name) { nonce, tag, text, name in
            unsafe context.open(text, nonce: nonce, authenticating: name, tag: tag)
        }
        return isOpen ? Array(opened.dropFirst(Self.headerLength)) : nil
    }

    private static let headerLength = AEADAlgorithm.nonceLength + AEADAlgorithm.tagLength

    private typealias Bytes = UnsafeMutablePointer<UInt8>

    private static func withParts(
        of sealed: inout [UInt8], _ name: String,
        _ body: (Bytes, Bytes, UnsafeMutableBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        unsafe sealed.withUnsafeMutableBufferPointer { buffer in
            guard let nonce = buffer.baseAddress else { return false }
            let text = unsafe UnsafeMutableBufferPointer(rebasing: buffer[headerLength...])
            return unsafe Array(name.utf8).withUnsafeBufferPointer { name in
                unsafe body(nonce, nonce + AEADAlgorithm.nonceLength, text, name)
            }
        }
    }
}
