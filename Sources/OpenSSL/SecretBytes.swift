import COpenSSL

/// Octets that are wiped when the last reference goes. Never printed, never compared with `==`.
@safe public final class SecretBytes: Sendable {
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer

    /// `count` octets, zero until `fill` has written them.
    public init<E: Error>(count: Int, _ fill: (inout MutableRawSpan) throws(E) -> Void) throws(E) {
        unsafe storage = .allocate(byteCount: count, alignment: 16)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
        var span = unsafe storage.mutableBytes
        try fill(&span)
    }

    /// A copy; the caller wipes the original.
    public convenience init(copying bytes: RawSpan) {
        self.init(count: bytes.byteCount) { $0.copy(bytes) }
    }

    public convenience init(copying bytes: [UInt8]) { self.init(copying: unsafe bytes.span.bytes) }

    /// `count` octets from the operating system's generator.
    public static func random(count: Int) throws(OpenSSLError) -> SecretBytes {
        try SecretBytes(count: count) { span throws(OpenSSLError) in try fillRandom(&span) }
    }

    deinit {
        unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
        unsafe storage.deallocate()
    }

    public var count: Int { unsafe storage.count }

    /// Borrowed for as long as the object is.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            unsafe _overrideLifetime(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(storage)), borrowing: self)
        }
    }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(count) secret octets" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
public func constantTimeEquals(_ a: RawSpan, _ b: RawSpan) -> Bool {
    guard a.byteCount == b.byteCount else { return false }
    return unsafe a.withUnsafeBytes { left in
        unsafe b.withUnsafeBytes { right in
            unsafe left.isEmpty || CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}

public func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    unsafe constantTimeEquals(a.span.bytes, b.span.bytes)
}

/// The same for `count` octets at each of two places.
public func constantTimeEquals(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, count: Int) -> Bool {
    unsafe CRYPTO_memcmp(a, b, count) == 0
}

/// Overwrites `bytes` with zeros in a way that the optimiser may not remove.
public func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
}

/// The same for memory that is about to be given back.
public func wipe(_ memory: UnsafeMutableRawBufferPointer) {
    unsafe OPENSSL_cleanse(memory.baseAddress, memory.count)
}

/// Fills `bytes` from OpenSSL's generator, which the operating system seeds.
public func fillRandom(_ bytes: inout MutableRawSpan) throws(OpenSSLError) {
    let status = unsafe bytes.withUnsafeMutableBytes { buffer in
        guard let start = unsafe buffer.bindMemory(to: UInt8.self).baseAddress else { return Int32(1) }
        return unsafe RAND_bytes(start, Int32(buffer.count))
    }
    guard status == 1 else { throw OpenSSLError(taking: "random octets") }
}

public func randomBytes(_ count: Int) throws(OpenSSLError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    try fillRandom(&raw)
    return bytes
}

extension MutableRawSpan {
    /// Copies all of `source` to the front.
    mutating func copy(_ source: RawSpan) {
        precondition(source.byteCount <= byteCount, "copy beyond the end of its destination")
        unsafe withUnsafeMutableBytes { to in
            unsafe source.withUnsafeBytes { from in unsafe to.copyMemory(from: from) }
        }
    }
}
