import COpenSSL

/// A password in the clear, for as long as it takes to judge it. Its memory is wiped when the last reference goes, and
/// it has no text: printing one shows nothing of it.
@safe public final class ClearPassword: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    public static let maximumLength = 1024

    /// Written only in `init` and `deinit`, hence Sendable.
    private let storage: UnsafeMutableRawBufferPointer

    /// Nothing is accepted that is empty or longer than `maximumLength` bytes.
    public init(_ bytes: some Collection<UInt8>) throws(AccountError) {
        guard (1...Self.maximumLength).contains(bytes.count) else {
            throw AccountError(.invalid, "a password has 1 to \(Self.maximumLength) bytes")
        }
        unsafe storage = .allocate(byteCount: bytes.count, alignment: 1)
        unsafe storage.copyBytes(from: bytes)
    }

    public convenience init(_ text: String) throws(AccountError) { try self.init(text.utf8) }

    deinit {
        unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
        unsafe storage.deallocate()
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafeRawBufferPointer(storage))
    }

    public var description: String { "ClearPassword" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
