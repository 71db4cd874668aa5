import NIOCore

/// Cuts a stream at its line feeds. Empty lines are left out; a line that is too long ends the connection.
struct LineDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    struct LineTooLong: Error {}

    let maximumLength: Int
    /// Bytes of the unfinished line that hold no line feed.
    private var searched = 0

    init(maximumLength: Int) { self.maximumLength = maximumLength }

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let unread = buffer.readableBytesView.dropFirst(searched)
        guard let end = unread.firstIndex(of: 0x0a) else {
            searched = buffer.readableBytes
            guard searched <= maximumLength else { throw LineTooLong() }
            return .needMoreData
        }
        let length = end - buffer.readerIndex
        searched = 0
        guard length <= maximumLength else { throw LineTooLong() }
        let line = buffer.readSlice(length: length)
        buffer.moveReaderIndex(forwardBy: 1)
        if let line, line.readableBytesView.contains(where: { $0 > 0x20 }) {
            context.fireChannelRead(wrapInboundOut(line))
        }
        return .continue
    }

    /// What stands after the last line feed is a line too, for those who type requests by hand.
    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        while try decode(context: context, buffer: &buffer) == .continue {}
        if let line = buffer.readSlice(length: buffer.readableBytes),
            line.readableBytesView.contains(where: { $0 > 0x20 })
        {
            context.fireChannelRead(wrapInboundOut(line))
        }
        return .needMoreData
    }
}
