import OpenSSL

/// Random octets drawn a little at a time from a block that is filled at once: OpenSSL's generator costs more
/// per call than the HMAC of a packet. Each octet is given out once.
@safe final class RandomPool {
    private static let size = 4096
    private let octets = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    private var used = size

    deinit { unsafe octets.deallocate() }

    /// Writes `count` octets, at most 4096. Fails if the generator does.
    @inline(__always)
    func draw(_ target: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        if used + count > Self.size, !refill() { return false }
        unsafe UnsafeMutableRawPointer(target).copyMemory(
            from: octets.baseAddress! + used, byteCount: count)
        used += count
        return true
    }

    private func refill() -> Bool {
        var span = unsafe octets.mutableBytes
        guard (try? fillRandom(&span)) != nil else { return false }
        used = 0
        return true
    }
}
