/// Random octets drawn a little at a time from a block that is filled at once: OpenSSL's generator costs more
/// per call than the HMAC of a packet. Each octet is given out once.
@safe public final class RandomPool {
    @usableFromInline static let size = 4096
    @usableFromInline let octets = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    @usableFromInline var used = size

    public init() {}

    deinit { unsafe octets.deallocate() }

    /// Writes `count` octets, at most 4096. Fails if the generator does.
    @inlinable @inline(__always)
    public func draw(_ target: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        if used + count > Self.size, !refill() { return false }
        unsafe UnsafeMutableRawPointer(target).copyMemory(
            from: octets.baseAddress! + used, byteCount: count)
        used += count
        return true
    }

    @usableFromInline func refill() -> Bool {
        var span = unsafe octets.mutableBytes
        guard (try? fillRandom(&span)) != nil else { return false }
        used = 0
        return true
    }
}
