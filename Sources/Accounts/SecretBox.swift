import COpenSSL
import Foundation

/// Seals what must not be readable in a copy of the database: AES-256-GCM under the key file beside it. A sealed value
/// is nonce (12) | tag (16) | cipher text, and opens only under the name that it was sealed for.
struct SecretBox: Sendable {
    static let keyLength = 32
    private static let nonceLength = 12
    private static let tagLength = 16

    private let key: [UInt8]

    init(key: [UInt8]) {
        precondition(key.count == Self.keyLength)
        self.key = key
    }

    func seal(_ plain: [UInt8], for name: String) -> [UInt8] {
        let nonce = randomBytes(Self.nonceLength)
        guard let (tag, text) = run(plain, nonce: nonce, name: name, sealing: true) else {
            preconditionFailure("AES-256-GCM seals whatever it is given")
        }
        return nonce + tag + text
    }

    /// nil if it was sealed under another key or for another name, or has been changed since.
    func open(_ sealed: [UInt8], for name: String) -> [UInt8]? {
        guard sealed.count >= Self.nonceLength + Self.tagLength else { return nil }
        let tag = Array(sealed[Self.nonceLength..<Self.nonceLength + Self.tagLength])
        let text = Array(sealed[(Self.nonceLength + Self.tagLength)...])
        return run(text, nonce: Array(sealed.prefix(Self.nonceLength)), name: name, sealing: false, tag: tag)?
            .text
    }

    private func run(
        _ input: [UInt8], nonce: [UInt8], name: String, sealing: Bool, tag expected: [UInt8] = []
    ) -> (tag: [UInt8], text: [UInt8])? {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let encrypting: Int32 = sealing ? 1 : 0
        let bound = Array(name.utf8)
        var output = [UInt8](repeating: 0, count: input.count)
        var tag = expected.isEmpty ? [UInt8](repeating: 0, count: Self.tagLength) : expected
        var written: Int32 = 0
        guard unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting) == 1,
            unsafe EVP_CipherUpdate(context, nil, &written, bound, Int32(bound.count)) == 1,
            unsafe EVP_CipherUpdate(context, &output, &written, input, Int32(input.count)) == 1
        else { return nil }
        if !sealing {
            let set = unsafe polyhub_evp_cipher_ctx_set_tag(context, Int32(Self.tagLength), &tag)
            guard set == 1 else { return nil }
        }
        var rest = [UInt8](repeating: 0, count: 16)
        guard unsafe EVP_CipherFinal_ex(context, &rest, &written) == 1 else { return nil }
        if sealing {
            let got = unsafe polyhub_evp_cipher_ctx_get_tag(context, Int32(Self.tagLength), &tag)
            guard got == 1 else { return nil }
        }
        return (tag, output)
    }
}
