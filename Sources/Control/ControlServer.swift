import ControlRequests
import Foundation
import NIOCore
import NIOPosix

/// Answers control requests on a Unix socket that only the owner may connect to: one JSON text a line,
/// several requests on a connection, answered in their order. Who may connect may do everything; there is no
/// further authorisation.
public final class ControlServer: Sendable {
    public static let socketName = "control.sock"
    /// Bytes of a request's line.
    public static let maximumRequest = 1 << 20
    public static let maximumConnections = 64

    private let group: MultiThreadedEventLoopGroup
    private let listener: NIOAsyncChannel<Connection, Never>
    private let serving: Task<Void, Never>

    typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Listens from when it returns. The caller has claimed the state directory, so a socket that is there
    /// already is a dead server's and is replaced.
    public init(socketPath: String, methods: MethodTable) async throws {
        let socket = try ownSocket(at: socketPath)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ByteToMessageHandler(LineDecoder(maximumLength: Self.maximumRequest)))
                    return try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: false))
                }
            }
        self.listener = listener
        serving = Task { await Self.serve(listener, methods) }
    }

    /// Closes the socket and every connection.
    public func stop() async {
        serving.cancel()
        await serving.value
        try? await group.shutdownGracefully()
    }

    private static func serve(_ listener: NIOAsyncChannel<Connection, Never>, _ methods: MethodTable) async {
        try? await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                let open = ConnectionCount(limit: maximumConnections)
                for try await connection in connections {
                    guard open.enter() else {
                        try? await connection.executeThenClose { _, _ in }
                        continue
                    }
                    tasks.addTask {
                        await converse(on: connection, methods)
                        open.leave()
                    }
                }
            }
        }
    }

    private static func converse(on channel: Connection, _ methods: MethodTable) async {
        let connection = ControlConnection()
        var following: Task<Void, Never>?
        // A peer that goes away in the middle of an answer is no failure of ours.
        try? await channel.executeThenClose { requests, answers in
            do {
                for try await request in requests {
                    following?.cancel()
                    await following?.value
                    let (answer, lines) = await methods.answer(
                        Array(request.readableBytesView), on: connection)
                    if let answer { try await answers.write(ByteBuffer(bytes: answer)) }
                    following = lines.map { lines in Task { await follow(lines, answers) } }
                }
            } catch is LineDecoder.LineTooLong {
                let error = ControlError(
                    .parseError,
                    "the request is longer than \(maximumRequest) bytes, which is what is accepted")
                try await answers.write(
                    ByteBuffer(bytes: encode(ResponseEnvelope<Done>(id: .null, error: error))))
            }
            following?.cancel()
            await following?.value
        }
    }

    private static func follow(
        _ lines: ControlMethod.Lines, _ answers: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async {
        for await line in lines {
            guard
                (try? await answers.write(ByteBuffer(bytes: encode(LogLineNotification(line: line))))) != nil
            else { return }
        }
    }
}
