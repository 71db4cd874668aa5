#if os(Linux)
import CLinux
import Glibc
import LocalBridge
import Wire

/// The DHCP server of a hub whose router is the kernel: it hears and speaks at the kernel's end of the TAP
/// device, past its firewall. Everything else there is the kernel's.
final class KernelDHCP: NATThread.Body {
    private var dhcp: DHCPPort
    private let socket: FrameDevice
    private let ledger: Ledger
    private let batch = FrameBatch()
    private var traffic = SecureNAT.Traffic()

    /// Takes over `socket`.
    init(_ dhcp: DHCPPort, socket: FrameDevice, _ ledger: Ledger) {
        self.dhcp = dhcp
        self.socket = socket
        self.ledger = ledger
    }

    func run(stop: Int32) {
        var polls = [
            pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let result = unsafe poll(&polls, nfds_t(polls.count), -1)
            if result < 0 { continue }
            guard polls[0].revents == 0 else { return socket.close() }
            guard case .frames(let count) = batch.receive(from: socket.descriptor) else { return }
            dhcp.reserved = ledger.reserved
            for index in 0..<count { receive(index) }
            traffic.silences = dhcp.server.silences
            ledger.update(traffic)
        }
    }

    private func receive(_ index: Int) {
        traffic.framesFromHub &+= 1
        let frame = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(batch[index]))
        dhcp.receive(frame: frame, at: .now)
        var isRecorded = true
        while let output = dhcp.nextOutput() {
            switch output {
            case .leaseChanged(let record):
                isRecorded = ledger.keep(record)
                if !isRecorded { traffic.leasesNotKept &+= 1 }
            case .send(let frame):
                if isRecorded { send(frame) }
                isRecorded = true
            }
        }
    }

    private func send(_ frame: [UInt8]) {
        if socket.send(frame.rawSpan) { traffic.framesToHub &+= 1 } else { traffic.framesLost &+= 1 }
    }
}
#endif
