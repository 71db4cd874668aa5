import Synchronization

#if os(Linux)
import CLinux
import Glibc
#else
import Darwin
#endif

/// An open device at which a hub's frames leave the server: one whole Ethernet frame is one read or write of
/// its descriptor, without a frame check sequence. Nonblocking. It is closed once, by `close` or at the
/// latest when the last reference goes; an interface that was made for it or changed for it is then as it was
/// before.
///
/// It does not wait: whoever runs the hub's port polls `descriptor`.
public final class FrameDevice: Sendable {
    public enum Kind: Sendable {
        /// Frames come by read(2).
        case tap
        /// A packet socket; to be read by `receive`, since read(2) would lose VLAN tags and checksums.
        case networkInterface
        /// A SOCK_SEQPACKET socket whose other end is in this process.
        case socketPair
    }

    public let kind: Kind
    /// The interface, or what stands at the other end.
    public let name: String
    /// Octets of payload in a frame; the frame itself has 14 more, or 18 with a VLAN tag.
    public let mtu: Int
    /// What an administrator should know, in sentences: nothing in the way of working, but of working well.
    public let advisories: [String]

    private let open: Mutex<Open>
    private struct Open {
        var descriptor: Int32
        var sending: Int32?
        var atClose: (@Sendable () -> Void)?
    }

    /// Takes over `descriptor`. `atClose` runs once, after it was closed.
    public init(
        kind: Kind, name: String, mtu: Int, owning descriptor: Int32, advisories: [String] = [],
        atClose: (@Sendable () -> Void)? = nil
    ) {
        self.kind = kind
        self.name = name
        self.mtu = mtu
        self.advisories = advisories
        open = Mutex(Open(descriptor: descriptor, sending: nil, atClose: atClose))
    }

    deinit { close() }

    /// -1 after `close`. Stays owned by this device.
    public var descriptor: Int32 { open.withLock { $0.descriptor } }

    /// A socket by which frames leave in batches, each message behind a virtio_net_hdr; nil: there is only
    /// the one descriptor. Stays owned by this device.
    public var sendingDescriptor: Int32? { open.withLock { $0.sending } }

    /// Takes over such a socket. To be called once, before anybody sends.
    func send(by descriptor: Int32) { open.withLock { $0.sending = descriptor } }

    /// To be called when nobody polls the descriptor any more. Again: does nothing.
    public func close() {
        let closing = open.withLock { open in
            defer { open = Open(descriptor: -1, sending: nil, atClose: nil) }
            return open
        }
        guard closing.descriptor >= 0 else { return }
        for descriptor in [closing.descriptor, closing.sending].compactMap(\.self) {
            #if os(Linux)
            _ = Glibc.close(descriptor)
            #else
            _ = Darwin.close(descriptor)
            #endif
        }
        closing.atClose?()
    }
}

#if os(Linux)
extension FrameDevice {
    /// Receives one frame; nil if there is none now, or if it was longer than the buffer.
    /// For a batch at once call `bridge_receive` (CLinux) with the descriptor.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        var slot = unsafe bridge_slot(
            start: buffer.baseAddress, capacity: UInt32(clamping: buffer.count), length: 0)
        guard unsafe bridge_receive(descriptor, &slot, 1) == 1 else { return nil }
        return unsafe slot.length == 0 ? nil : Int(slot.length)
    }

    /// False if the frame was dropped: the device's queue is full, or it does not take so long a frame.
    public func send(_ frame: RawSpan) -> Bool {
        let descriptor = descriptor
        return unsafe frame.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe bridge_send(descriptor, start, bytes.count) == 0
        }
    }
}
#endif

#if os(Linux)
extension FrameDevice {
    /// Two ends of a link within this process; each holds about `capacity` octets of frames not read yet, and
    /// what comes then is dropped.
    public static func pair(named name: String, mtu: Int, capacity: Int) throws(BridgeError)
        -> (FrameDevice, FrameDevice)
    {
        var ends: [Int32] = [-1, -1]
        let result = unsafe bridge_open_pair(&ends, Int32(clamping: capacity))
        try Interface.check(result, "open a socket pair")
        return (
            FrameDevice(kind: .socketPair, name: name, mtu: mtu, owning: ends[0]),
            FrameDevice(kind: .socketPair, name: name, mtu: mtu, owning: ends[1])
        )
    }
}
#endif
