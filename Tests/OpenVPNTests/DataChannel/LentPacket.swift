import PluginABI

/// Octets lent as a slice, between guard octets that nobody may touch.
final class LentPacket {
    private static let guardLength = 32
    private static let guardOctet: UInt8 = 0xd7

    private let storage: UnsafeMutableBufferPointer<UInt8>
    var slice: pa_slice_v1
    private let lower: Int
    private let upper: Int

    init(_ bytes: [UInt8], headroom: Int = 0, tailroom: Int = 0) {
        lower = Self.guardLength
        upper = lower + headroom + bytes.count + tailroom
        storage = .allocate(capacity: upper + Self.guardLength)
        storage.initialize(repeating: Self.guardOctet)
        let start = storage.baseAddress! + lower + headroom
        for (index, octet) in bytes.enumerated() { start[index] = octet }
        slice = pa_slice_v1(
            start: start, length: UInt32(bytes.count), headroom: UInt16(headroom), tailroom: UInt16(tailroom))
    }

    deinit { storage.deallocate() }

    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length))) }

    /// The guards are as they were, and the slice with its rooms has the bounds that were lent.
    var isIntact: Bool {
        let start = slice.start - storage.baseAddress!
        return storage[..<lower].allSatisfy { $0 == Self.guardOctet }
            && storage[upper...].allSatisfy { $0 == Self.guardOctet }
            && start - Int(slice.headroom) == lower
            && start + Int(slice.length) + Int(slice.tailroom) == upper
    }
}

/// The octets of hexadecimal digits; white space counts for nothing.
func octets(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { offset in
        let start = digits.index(digits.startIndex, offsetBy: offset)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
    }
}
