/// The Secure Hash Standard of 1993 (FIPS 180), withdrawn for its weakness: SHA-1 without the rotation in the
/// message schedule. Collisions are found in minutes; what SoftEther's proofs need of it is that it cannot be
/// turned back. OpenSSL has it no more.
public enum SHA0 {
    public static let length = 20
    private static let blockLength = 64

    public static func hash(_ message: [UInt8]) -> [UInt8] {
        var state: State = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
        let padded = padded(message)
        for start in stride(from: 0, to: padded.count, by: blockLength) {
            compress(padded[start..<start + blockLength], into: &state)
        }
        return [state.0, state.1, state.2, state.3, state.4].flatMap { octets($0) }
    }

    private typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32)

    private static func padded(_ message: [UInt8]) -> [UInt8] {
        let zeros = (blockLength * 2 - 9 - message.count % blockLength) % blockLength
        let bits = UInt64(message.count) * 8
        return message + [0x80] + Array(repeating: 0, count: zeros) + octets(UInt32(bits >> 32))
            + octets(UInt32(truncatingIfNeeded: bits))
    }

    private static func octets(_ word: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }

    private static func compress(_ block: ArraySlice<UInt8>, into state: inout State) {
        var schedule = [UInt32](repeating: 0, count: 80)
        for (index, octet) in block.enumerated() {
            schedule[index / 4] = schedule[index / 4] << 8 | UInt32(octet)
        }
        for t in 16..<80 {
            schedule[t] = schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16]
        }
        var (a, b, c, d, e) = state
        for t in 0..<80 {
            let (f, k) = function(t, b, c, d)
            let next = (a << 5 | a >> 27) &+ f &+ e &+ k &+ schedule[t]
            (a, b, c, d, e) = (next, a, b << 30 | b >> 2, c, d)
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
    }

    private static func function(
        _ t: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32
    ) -> (value: UInt32, constant: UInt32) {
        switch t {
        case ..<20: (b & c | ~b & d, 0x5a82_7999)
        case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
        case ..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
        default: (b ^ c ^ d, 0xca62_c1d6)
        }
    }
}
