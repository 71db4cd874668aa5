internal import PluginABI
public import Wire

/// What the host gives on one lane. A plain value: keep it beside the lane's state. All functions are to be
/// called from inside a call of the host for the same lane. One whose capability the host lacks answers
/// `Status.unsupported`.
@safe public struct LaneServices {
    /// Datagrams that are passed to the host in one call at most.
    static let datagramsPerCall = 256

    let lane: OpaquePointer
    let tables: HostTables
    /// Room for `datagramsPerCall` datagrams on their way into the host.
    let scratch: UnsafeMutablePointer<pa_datagram_v1>

    init(lane: OpaquePointer, host: HostServices, scratch: UnsafeMutablePointer<pa_datagram_v1>) {
        unsafe self.lane = lane
        tables = host.tables
        unsafe self.scratch = scratch
    }

    /// The monotonic time, the same throughout one turn.
    public var now: Instant {
        guard let timer = unsafe tables.timer else { return Instant(nanoseconds: 0) }
        return Instant(nanoseconds: unsafe timer.pointee.now(lane))
    }

    /// Seconds since 1970-01-01 UTC, for what is compared between machines. May jump.
    public var wallSeconds: Int64 {
        guard let timer = unsafe tables.timer else { return 0 }
        return unsafe timer.pointee.wall_seconds(lane)
    }

    /// Has `expired` called with `token` once, at or after `instant`. Arming a token again moves it.
    @discardableResult
    public func arm(timer token: UInt64, at instant: Instant) -> Status {
        guard let timer = unsafe tables.timer else { return .unsupported }
        return Status(rawValue: unsafe timer.pointee.arm(lane, token, instant.nanoseconds))
    }

    /// An unarmed token is no error.
    public func disarm(timer token: UInt64) {
        guard let timer = unsafe tables.timer else { return }
        _ = unsafe timer.pointee.disarm(lane, token)
    }

    /// Adds to this lane's share of a metric.
    public func add(_ amount: Int, to counter: Metric) {
        guard let metric = unsafe tables.metric, counter != .unkept else { return }
        unsafe metric.pointee.add(lane, counter.rawValue, Int64(amount))
    }
}
