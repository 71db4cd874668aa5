import FakeHost
import OpenVPNSite
import OpenVPNTestClient
import PluginABI

/// The OpenVPN module as the host drives it, through the ABI's tables: a batch from a client to the hub, and
/// a batch from the hub to the client. The host behind it does nothing.
@safe final class ModuleBench {
    private static let octets = 1400
    private static let stride = 2112
    private static let batch = 64

    private let site: Site
    private let guest: Site.Guest
    private let token: UInt64
    private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: batch * stride)
    private let frames = UnsafeMutablePointer<pa_slice_v1>.allocate(capacity: batch)
    private let datagrams = UnsafeMutablePointer<pa_datagram_v1>.allocate(capacity: batch)
    private let remote = UnsafeMutablePointer<pa_address_v1>.allocate(capacity: 1)
    /// Sealed packets of the client, each good for once.
    private var packets: [[UInt8]] = []
    private var next = 0

    init(packets count: Int) throws {
        site = try Site()
        guest = try site.invite()
        guard site.run(until: { [guest] in guest.client.isConnected }),
            let opened = site.host.said().first(where: { $0.hasPrefix("open layer") }),
            let token = opened.split(separator: " ").last.flatMap({ UInt64($0) })
        else { fatalError("the client does not connect") }
        self.token = token
        unsafe remote.initialize(to: guest.address)
        quieten()
        let plain = payload(1, count: Self.octets)
        packets.reserveCapacity(count)
        for _ in 0..<count {
            guest.client.send(plain, at: site.moment)
            if case .send(let packet)? = guest.client.nextOutput() { packets.append(packet) }
        }
    }

    /// The fake host writes down what it is told, which costs more than everything else.
    private func quieten() {
        let datagram = unsafe site.host.tables[PA_DATAGRAM]!.assumingMemoryBound(to: pa_datagram_host_v1.self)
        unsafe datagram.pointee.send = { _, _, _, _ in PA_OK }
        let session = unsafe site.host.tables[PA_SESSION]!.assumingMemoryBound(to: pa_session_host_v1.self)
        unsafe session.pointee.receive = { _, _, _, _ in PA_OK }
    }

    func transmit(_ count: Int) {
        for _ in 0..<count / Self.batch {
            for index in 0..<Self.batch { unsafe frames[index] = slice(index, count: Self.octets) }
            unsafe site.session.transmit(site.module.laneState, token, frames, UInt32(Self.batch))
        }
    }

    func receive(_ count: Int) {
        for _ in 0..<count / Self.batch {
            guard next + Self.batch <= packets.count else { return }
            for index in 0..<Self.batch {
                let slice = unsafe slice(index, count: packets[next].count)
                unsafe packets[next].withUnsafeBufferPointer { packet in
                    unsafe slice.start.update(from: packet.baseAddress!, count: packet.count)
                }
                unsafe datagrams[index] = pa_datagram_v1(payload: slice, remote: remote, local: nil)
                next += 1
            }
            unsafe site.datagram.received(site.module.laneState, Site.socket, datagrams, UInt32(Self.batch))
        }
    }

    private func slice(_ index: Int, count: Int) -> pa_slice_v1 {
        unsafe pa_slice_v1(
            start: buffer + index * Self.stride + 128, length: UInt32(count), headroom: 128, tailroom: 128)
    }
}
