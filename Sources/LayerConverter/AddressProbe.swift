import Wire

/// Asks whether an address is in use before it is taken, RFC 5227 §2.1.1, with shorter waits.
struct AddressProbe {
    enum Output: Equatable {
        case sendProbe
        case addressIsFree
    }

    let address: IPv4Address
    private let interval: Duration
    private var probesLeft: Int
    private(set) var deadline: Instant

    init(_ address: IPv4Address, _ timing: AddressTiming, at now: Instant) {
        self.address = address
        interval = timing.probeInterval
        probesLeft = timing.probes
        deadline = now
    }

    mutating func handleTimeout(at now: Instant) -> Output? {
        guard now >= deadline else { return nil }
        guard probesLeft > 0 else { return .addressIsFree }
        probesLeft -= 1
        deadline = now + interval
        return .sendProbe
    }

    /// Somebody has the address, or probes for it at the same time, §2.1.1.
    func conflicts(with packet: ARPPacket) -> Bool {
        packet.senderAddress == address || packet.senderAddress == .any && packet.targetAddress == address
    }
}
