import PluginKit
import SoftEtherCore
import Wire
import Zlib

/// Frames of sessions that compress: each is a zlib stream of its own. What they become is written to memory
/// that lasts for the turn; where that is used up, frames are dropped. Made for the first session that
/// compresses.
final class Compression {
    /// Of a turn. A batch of the largest frames needs a quarter.
    private static let turnOctets = 2 << 20
    /// In front of an expanded frame, for the adapter of whoever gets it.
    private static let headroom = 64

    private var inflater = Inflater()
    private var deflater = Deflater()
    private var memory = TurnMemory(capacity: turnOctets)

    /// Nil where it is no stream, or expands to more than a frame has.
    func expand(_ block: PacketSlice, at now: Instant) -> PacketSlice? {
        let most = Block.frameLengths.upperBound
        guard var frame = memory.take(most, headroom: Self.headroom, at: now) else { return nil }
        var bytes = frame.mutableBytes
        guard let count = inflater.inflate(block.bytes, into: &bytes), frame.trimBack(most - count) else {
            return nil
        }
        return frame
    }

    /// With room for the head of a block in front.
    func compress(_ frame: PacketSlice, at now: Instant) -> PacketSlice? {
        let most = frame.count + Deflater.overhead
        guard var block = memory.take(most, headroom: Block.headLength, at: now) else { return nil }
        var bytes = block.mutableBytes
        guard let count = deflater.deflate(frame.bytes, into: &bytes), block.trimBack(most - count) else {
            return nil
        }
        return block
    }
}
