#if os(Linux)
import CLinux
import Glibc
import LocalBridge
import Synchronization
import Wire

/// A thread of its own for one virtual router, with all signals blocked (libslirp writes to sockets whose
/// peer may be gone).
final class NATThread: Sendable {
    /// What runs on the thread. It is made on another and then used on this one alone.
    protocol Body: AnyObject {
        /// Returns when `stop` is readable or hung up.
        func run(stop: Int32)
    }

    private final class Job: @unchecked Sendable {
        let body: any Body
        let stop: Int32
        init(_ body: any Body, stop: Int32) {
            self.body = body
            self.stop = stop
        }
    }

    private struct Running {
        var thread: pthread_t
        var stop: Int32
    }

    private let running: Mutex<Running?>

    init(_ body: sending any Body) throws(SecureNATError) {
        var ends: [Int32] = [-1, -1]
        let result = unsafe bridge_open_pair(&ends, 4096)
        guard result == 0 else { throw .failed("open a socket pair", reason: "errno \(-result)") }
        let context = unsafe Unmanaged.passRetained(Job(body, stop: ends[1])).toOpaque()
        var thread = pthread_t()
        var (all, before) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        let created = unsafe pthread_create(&thread, nil, Self.main, context)
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard created == 0 else {
            unsafe Unmanaged<Job>.fromOpaque(context).release()
            close(ends[0])
            close(ends[1])
            throw .failed("start a thread", reason: "errno \(created)")
        }
        running = Mutex(Running(thread: thread, stop: ends[0]))
    }

    deinit { stop() }

    /// Waits for the thread to end; not to be called on it. Again: does nothing.
    func stop() {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return }
        close(ending.stop)
        pthread_join(ending.thread, nil)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        guard let context = unsafe $0 else { return nil }
        let job = unsafe Unmanaged<Job>.fromOpaque(context).takeRetainedValue()
        job.body.run(stop: job.stop)
        close(job.stop)
        return nil
    }
}
#endif
