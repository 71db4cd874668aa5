#if os(Linux)
import Glibc

/// A network namespace of a test's own, with nothing in it but what `body` makes.
public enum NetworkNamespace {
    public struct Refused: Error {}

    /// Runs `body` on a thread of the new namespace and waits for it. The namespace ends with the thread and
    /// the last descriptor that was opened on it.
    public static func run(_ body: @escaping @Sendable () throws -> Void) throws {
        let job = Job(body)
        let context = Unmanaged.passRetained(job).toOpaque()
        var thread = pthread_t()
        guard pthread_create(&thread, nil, perform, context) == 0 else { throw Refused() }
        pthread_join(thread, nil)
        try job.result.get()
    }

    /// Runs one ip(8) command in the namespace of this thread.
    public static func ip(_ command: String) throws {
        guard system("ip " + command) == 0 else { throw Refused() }
    }

    /// One thread writes before it ends, the other reads after it was joined.
    private final class Job: @unchecked Sendable {
        let body: @Sendable () throws -> Void
        var result: Result<Void, any Error> = .success(())
        init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

        func perform() throws {
            guard unshareNetwork() else { throw Refused() }
            try body()
        }
    }

    private static let perform: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        let job = Unmanaged<Job>.fromOpaque($0!).takeRetainedValue()
        job.result = Result { try job.perform() }
        return nil
    }

    /// Swift's Glibc module does not show what stands behind _GNU_SOURCE.
    private static func unshareNetwork() -> Bool {
        let newNetwork: Int32 = 0x4000_0000
        guard let symbol = dlsym(nil, "unshare") else { return false }
        return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)(newNetwork) == 0
    }
}
#endif
