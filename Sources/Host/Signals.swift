import Dispatch
import Foundation

/// The signals that a server acts upon, one after the other.
/// @unchecked Sendable: nothing changes after `init`.
final class Signals: @unchecked Sendable {
    /// In the order of arrival.
    let arrived: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init(_ numbers: [Int32]) {
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingOldest(16))
        arrived = stream
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }
}
