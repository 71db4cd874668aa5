import Dispatch
import Foundation

/// Waits for the signals that end the server.
/// @unchecked Sendable: nothing changes after `init`.
final class Signals: @unchecked Sendable {
    private let arrived: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init(_ numbers: [Int32]) {
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingOldest(1))
        arrived = stream
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    func wait() async { for await _ in arrived { return } }
}
