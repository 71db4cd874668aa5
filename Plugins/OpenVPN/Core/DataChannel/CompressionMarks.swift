import EngineParts
import PluginABI

/// The marks by which a compressing peer tells what it compressed; see `CompressionFraming`.
extension CompressionFraming {
    private static let notCompressed: UInt8 = 0xfa
    private static let notCompressedSwapped: UInt8 = 0xfb
    private static let indicatorV2: UInt8 = 0x50
    private static let uncompressedV2: UInt8 = 0

    /// Marks a payload. False: no room.
    func mark(_ slice: inout pa_slice_v1) -> Bool {
        guard let start = unsafe slice.start, unsafe slice.length > 0 else { return false }
        switch self {
        case .none:
            return true
        case .stub:
            guard unsafe slice.headroom >= 1 else { return false }
            unsafe (start - 1).pointee = Self.notCompressed
            unsafe slice.extendFront(1)
        case .stubSwapped:
            guard unsafe slice.tailroom >= 1 else { return false }
            unsafe (start + Int(slice.length)).pointee = start.pointee
            unsafe start.pointee = Self.notCompressedSwapped
            unsafe slice.extendBack(1)
        case .stubV2:
            guard unsafe start.pointee == Self.indicatorV2 else { return true }
            guard unsafe slice.headroom >= 2 else { return false }
            unsafe (start - 2).pointee = Self.indicatorV2
            unsafe (start - 1).pointee = Self.uncompressedV2
            unsafe slice.extendFront(2)
        }
        return true
    }

    /// Takes the mark off. Either mark of the older framing is taken where one is expected: the octet says
    /// which.
    func unmark(_ slice: inout pa_slice_v1) -> DropReason? {
        guard let start = unsafe slice.start, unsafe slice.length > 0 else { return .empty }
        switch (self, unsafe start.pointee) {
        case (.none, _):
            return nil
        case (.stub, Self.notCompressed), (.stubSwapped, Self.notCompressed):
            unsafe slice.dropFirst(1)
        case (.stub, Self.notCompressedSwapped), (.stubSwapped, Self.notCompressedSwapped):
            unsafe start.pointee = start[Int(slice.length) - 1]
            unsafe slice.dropLast(1)
        case (.stub, _), (.stubSwapped, _):
            return .compressed
        case (.stubV2, Self.indicatorV2):
            guard unsafe slice.length >= 2 else { return .truncated }
            guard unsafe start[1] == Self.uncompressedV2 else { return .compressed }
            unsafe slice.dropFirst(2)
        case (.stubV2, _):
            return nil
        }
        return unsafe slice.length > 0 ? nil : .empty
    }
}
