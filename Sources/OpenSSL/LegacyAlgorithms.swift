import COpenSSL

/// MD4 and single DES, which OpenSSL 3 keeps in its legacy provider. Nothing should rest on them; MS-CHAPv2
/// is made of them all the same. The provider is loaded into a library context of its own, so that no other
/// part of the process can come to use what is in it.
public enum LegacyAlgorithms {
    @safe private struct Functions {
        let md4: OpaquePointer
        let des: OpaquePointer
    }

    private nonisolated(unsafe) static let functions: Functions? = {
        guard let context = unsafe OSSL_LIB_CTX_new(),
            unsafe OSSL_PROVIDER_load(context, "legacy") != nil,
            let md4 = unsafe EVP_MD_fetch(context, "MD4", nil),
            let des = unsafe EVP_CIPHER_fetch(context, "DES-ECB", nil)
        else {
            ERR_clear_error()
            return nil
        }
        return unsafe Functions(md4: md4, des: des)
    }()

    /// Whether this machine's OpenSSL has them at all.
    public static var areAvailable: Bool { unsafe functions != nil }

    public static let md4Length = 16
    /// Octets of a block and, with a parity bit in each octet, of a key.
    public static let desLength = 8

    /// RFC 1320.
    public static func md4(_ bytes: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        guard let functions = unsafe functions else { throw missing("MD4") }
        var digest = [UInt8](repeating: 0, count: md4Length)
        let status = unsafe digest.withUnsafeMutableBufferPointer {
            unsafe EVP_Digest(bytes, bytes.count, $0.baseAddress, nil, functions.md4, nil)
        }
        guard status == 1 else { throw OpenSSLError(taking: "MD4") }
        return digest
    }

    /// One block under one key, both of `desLength` octets.
    public static func encryptDES(_ block: [UInt8], key: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        precondition(block.count == desLength && key.count == desLength, "a block and a key have 8 octets")
        guard let functions = unsafe functions, let context = unsafe EVP_CIPHER_CTX_new() else {
            throw missing("DES")
        }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        var encrypted = [UInt8](repeating: 0, count: desLength * 2)
        var count: Int32 = 0
        let status = unsafe encrypted.withUnsafeMutableBufferPointer {
            unsafe EVP_EncryptInit_ex2(context, functions.des, key, nil, nil) == 1
                && EVP_EncryptUpdate(context, $0.baseAddress, &count, block, Int32(desLength)) == 1
        }
        guard status, Int(count) == desLength else { throw OpenSSLError(taking: "DES") }
        return Array(encrypted.prefix(desLength))
    }

    private static func missing(_ name: String) -> OpenSSLError {
        OpenSSLError(name, reason: "OpenSSL's legacy provider is not installed")
    }
}
