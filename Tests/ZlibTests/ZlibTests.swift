import Testing
import Zlib

/// What becomes of `input` in `room` octets.
private func inflate(_ input: [UInt8], _ inflater: inout Inflater, room: Int = 1600) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: room)
    var span = output.mutableSpan
    var bytes = span.mutableBytes
    guard let count = inflater.inflate(input.span.bytes, into: &bytes) else { return nil }
    return Array(output[..<count])
}

private func deflate(_ input: [UInt8], _ deflater: inout Deflater, room: Int = 3200) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: room)
    var span = output.mutableSpan
    var bytes = span.mutableBytes
    guard let count = deflater.deflate(input.span.bytes, into: &bytes) else { return nil }
    return Array(output[..<count])
}

@Suite struct ZlibTests {
    /// Made by Python's zlib of "abcabcabcabc".
    private let golden: [UInt8] = [
        0x78, 0x9c, 0x4b, 0x4c, 0x4a, 0x4e, 0x84, 0x21, 0x00, 0x1d, 0xe0, 0x04, 0x99,
    ]

    @Test func `a stream made elsewhere`() {
        var inflater = Inflater()
        #expect(inflate(golden, &inflater) == Array("abcabcabcabc".utf8))
    }

    @Test func `every prefix is none, and neither is one with something behind it`() {
        var inflater = Inflater()
        for count in 0..<golden.count { #expect(inflate(Array(golden[..<count]), &inflater) == nil) }
        #expect(inflate(golden + [0], &inflater) == nil)
        #expect(inflate(golden, &inflater) != nil, "what failed leaves nothing behind")
    }

    @Test func `a stream that is larger than the room is refused`() throws {
        var deflater = Deflater()
        var inflater = Inflater()
        let bomb = try #require(deflate([UInt8](repeating: 0, count: 100_000), &deflater))
        #expect(bomb.count < 1000)
        #expect(inflate(bomb, &inflater) == nil)
        let frame = [UInt8](repeating: 0, count: 1600)
        let whole = try #require(deflate(frame, &deflater))
        #expect(inflate(whole, &inflater) == frame)
        #expect(inflate(whole, &inflater, room: 1599) == nil)
    }

    @Test func `there and back, also what cannot be compressed`() throws {
        var deflater = Deflater()
        var inflater = Inflater()
        var generator = SystemRandomNumberGenerator()
        for count in [0, 1, 14, 60, 1514, 1600] {
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let stream = try #require(deflate(noise, &deflater, room: count + Deflater.overhead))
            #expect(inflate(stream, &inflater) == noise)
        }
        #expect(deflate([1, 2, 3], &deflater, room: 4) == nil)
        #expect(deflate([1, 2, 3], &deflater) != nil)
    }
}
