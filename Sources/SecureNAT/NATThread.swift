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

extension Moment {
    /// Both clocks, read now.
    static var now: Moment {
        var (monotonic, wall) = (timespec(), timespec())
        unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic)
        unsafe clock_gettime(CLOCK_REALTIME, &wall)
        let nanoseconds = UInt64(monotonic.tv_sec) * 1_000_000_000 + UInt64(monotonic.tv_nsec)
        return Moment(instant: Instant(nanoseconds: nanoseconds), wallClock: Int64(wall.tv_sec))
    }

    /// For poll(2), rounded up; -1 for never.
    func milliseconds(until deadline: Instant?) -> Int32 {
        guard let deadline else { return -1 }
        guard deadline > instant else { return 0 }
        let nanoseconds = deadline.nanoseconds - instant.nanoseconds
        return Int32(clamping: nanoseconds / 1_000_000 + 1)
    }
}

/// Room for a batch of frames, allocated once.
@safe final class FrameBatch {
    static let frameCapacity = 2048
    private let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Int(BRIDGE_BATCH) * frameCapacity, alignment: 16)
    private var slots: [bridge_slot] = unsafe []

    init() {
        let start = unsafe memory.baseAddress!
        unsafe slots = (0..<Int(BRIDGE_BATCH)).map {
            unsafe bridge_slot(
                start: start + $0 * Self.frameCapacity, capacity: UInt32(Self.frameCapacity), length: 0)
        }
    }

    deinit { unsafe memory.deallocate() }

    /// What came of `receive`.
    enum Result {
        case frames(Int)
        case closed
    }

    func receive(from descriptor: Int32) -> Result {
        let result = unsafe bridge_receive(descriptor, &slots, UInt32(slots.count))
        return result == -EPIPE ? .closed : .frames(max(0, Int(result)))
    }

    /// The frame at `index` of those that were received; empty if it was too long and is lost.
    subscript(index: Int) -> UnsafeMutableRawBufferPointer {
        let slot = unsafe slots[index]
        return unsafe UnsafeMutableRawBufferPointer(start: slot.start, count: Int(slot.length))
    }
}
#endif
