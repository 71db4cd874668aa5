import Testing
import Wire

@testable import SoftEtherCore

/// All items up to the first that does not go on.
private func items(_ bytes: [UInt8], _ reader: inout BlockReader) -> (
    items: [BlockReader.Item], position: Int
) {
    var items: [BlockReader.Item] = []
    var position = 0
    while true {
        let item = reader.next(in: bytes.rawSpan, at: &position)
        if item == .incomplete { return (items, position) }
        items.append(item)
        if item == .broken { return (items, position) }
    }
}

private func items(_ bytes: [UInt8]) -> [BlockReader.Item] {
    var reader = BlockReader()
    return items(bytes, &reader).items
}

@Suite struct BlockReaderTests {
    @Test func `an ARP request`() {
        let frame = hex("ffffffffffff 020000000001 0806") + [UInt8](repeating: 0, count: 46)
        #expect(items(hex("00000001 0000003c") + frame) == [.other, .block(8..<68)])
    }

    @Test func `blocks, nothing and keep-alives in a row`() {
        let bytes = hex(
            "00000002 00000002 aabb 00000000 00000000 ffffffff 00000003 010203 00000001 00000001 cc")
        #expect(
            items(bytes) == [
                .other, .block(8..<10), .block(14..<14), .other, .other, .other, .block(37..<38),
            ])
    }

    @Test func `however the octets are cut, the same comes out`() {
        let bytes = hex(
            "00000002 00000002 aabb 00000003 010203 ffffffff 00000003 010203 00000001 00000001 cc")
        for size in 1...bytes.count {
            var reader = BlockReader()
            var (waiting, blocks): ([UInt8], [[UInt8]]) = ([], [])
            for start in stride(from: 0, to: bytes.count, by: size) {
                waiting += bytes[start..<min(start + size, bytes.count)]
                let (items, position) = items(waiting, &reader)
                for case .block(let range) in items { blocks.append(Array(waiting[range])) }
                waiting.removeFirst(position)
            }
            #expect(blocks == [[0xaa, 0xbb], [1, 2, 3], [0xcc]], "pieces of \(size)")
            #expect(waiting.isEmpty)
        }
    }

    /// features.md §4.2, input 4.
    @Test func `lengths at their limits`() {
        func block(_ length: UInt32) -> [UInt8] {
            var bytes = hex("00000001")
            bytes.appendBigEndian(length)
            return bytes + [UInt8](repeating: 0x55, count: min(Int(length), 4000))
        }
        for length in [0, 1, 13, 14, 1600, 1601, 3200] as [UInt32] {
            #expect(items(block(length)) == [.other, .block(8..<8 + Int(length))])
        }
        for length in [3201, .max] as [UInt32] { #expect(items(block(length)) == [.other, .broken]) }
        #expect(items(hex("fffffffe")) == [.broken])
        #expect(items(hex("00010000 00000000")) == [.other, .block(8..<8)])
        #expect(items(hex("00010001")) == [.broken])
        #expect(items(hex("ffffffff 00000200") + [UInt8](repeating: 1, count: 512)) == [.other])
        #expect(items(hex("ffffffff 00000201")) == [.broken])
    }

    @Test func `which frames are passed on`() {
        #expect([13, 14, 1600, 1601].map { Block.frameLengths.contains($0) } == [false, true, true, false])
    }

    @Test func `a keep-alive is read as one`() {
        #expect(items(Block.keepAlive([1, 2, 3])) == [.other])
        #expect(Block.keepAlive([1, 2, 3]) == hex("ffffffff 00000003 010203"))
    }
}
