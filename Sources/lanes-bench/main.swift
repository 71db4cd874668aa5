import Dispatch
import Lanes
import PluginABI

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// What a UDP echo costs a lane: `lanes-bench [octets] [flows]`, with and without coalescing (GRO and GSO).
// A second lane is the client; it keeps 64 datagrams of each flow under way. Loopback; trust ratios over
// absolutes.

final class EchoServer: DatagramHandler {
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        unsafe socket.send(UnsafeBufferPointer(batch))
    }
}

/// Answers every echo with the next datagram, so that the number under way stays as it is.
final class EchoClient: DatagramHandler {
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        unsafe socket.send(UnsafeBufferPointer(batch))
    }
}

func threadNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

struct Sample: Sendable {
    let processor: UInt64
    let counters: LaneCounters
}

func measure(coalesces: Bool, octets: Int, flows: Int) throws {
    let servers = try LaneGroup(count: 1)
    let clients = try LaneGroup(count: 1)
    try servers.start()
    try clients.start()
    defer { servers.stop() }
    defer { clients.stop() }
    let any = Endpoint(host: "127.0.0.1", port: 0)!
    let server = try servers.listen(DatagramOptions(any, coalesces: coalesces)) { _ in EchoServer() }
    for _ in 0..<flows {
        let client = try clients.listen(DatagramOptions(any, coalesces: coalesces)) { _ in EchoClient() }
        clients.lanes[0].post { lane in
            var remote = server.local.address
            for _ in 0..<64 {
                guard let payload = unsafe lane.allocate(octets) else { return }
                unsafe withUnsafePointer(to: &remote) {
                    unsafe client.sockets[0].send(pa_datagram_v1(payload: payload, remote: $0, local: nil))
                }
            }
        }
    }
    let sample = {
        servers.lanes[0].performAndWait { Sample(processor: threadNanoseconds(), counters: $0.counters) }
    }
    let pause = DispatchSemaphore(value: 0)
    _ = pause.wait(timeout: .now() + 0.3)
    guard let before = sample() else { return }
    _ = pause.wait(timeout: .now() + 2)
    guard let after = sample() else { return }
    let datagrams = after.counters.receivedDatagrams - before.counters.receivedDatagrams
    let messages = after.counters.receivedMessages - before.counters.receivedMessages
    let calls = after.counters.receiveCalls - before.counters.receiveCalls
    guard datagrams > 0 else { return print("nothing came back") }
    print(
        coalesces ? "coalesced:" : "one by one:", (after.processor - before.processor) / datagrams,
        "ns/datagram,",
        "\(datagrams / 2) datagrams/s, \(Double(datagrams) / Double(messages)) per message,",
        "\(Double(datagrams) / Double(calls)) per receive call")
}

let octets = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1400
let flows = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 4
try measure(coalesces: true, octets: octets, flows: flows)
try measure(coalesces: false, octets: octets, flows: flows)
