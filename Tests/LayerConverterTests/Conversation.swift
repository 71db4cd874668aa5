import LayerConverter
import Wire

let clientMAC = MACAddress(0x5e00_0000_0001)
let serverA = IPv4Address("192.168.30.1")!
let serverB = IPv4Address("192.168.30.2")!
let leased = IPv4Address("192.168.30.10")!
let elsewhere = IPv4Address("192.168.30.99")!

extension Instant {
    /// Seconds after the tests' beginning, which is not the clock's.
    static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1_000_000_000))
    }

    var seconds: Double { (Double(nanoseconds) - 1_000_000_000_000) / 1_000_000_000 }
}

/// A DHCP client under test and the notes of what it says: one event a line, in the order of the RFC's
/// figures.
final class Conversation {
    var client: DHCPClient
    var now = Instant.at(0)
    var notes: [String] = []
    /// The client's last message.
    var last: DHCPMessage?
    var lease: AddressLease?

    init(
        wish: IPv4Address? = nil, isFormer: Bool = false, timing: AddressTiming = AddressTiming(),
        seed: UInt64 = 1
    ) {
        var identity = DHCPIdentity(mac: clientMAC)
        identity.hostName = "anna's laptop"
        identity.vendorClass = "polyhub"
        identity.wish = wish
        identity.wishIsFormerLease = isFormer
        client = DHCPClient(identity, timing: timing, seed: seed)
    }

    func start() {
        client.start(at: now)
        drain()
    }

    /// Lets the time pass up to `seconds`, and everything happen that falls due.
    func run(until seconds: Double) {
        while let deadline = client.deadline, deadline <= .at(seconds) {
            now = max(now, deadline)
            client.handleTimeout(at: now)
            drain()
        }
        now = .at(seconds)
    }

    /// A server answers the client's last message.
    func hear(
        _ type: DHCPMessage.MessageType, _ address: IPv4Address = leased, from server: IPv4Address = serverA,
        changing: (inout DHCPMessage) -> Void = { _ in }
    ) {
        var answer = DHCPMessage(.bootReply, type, xid: last?.xid ?? 0, chaddr: clientMAC)
        answer.yiaddr = type == .nak ? .any : address
        answer.options.set(.serverIdentifier, server)
        if type != .nak {
            answer.options.set(.leaseTime, .seconds(3600))
            answer.options.set(.subnetMask, IPv4Address("255.255.255.0")!)
            answer.options.set(.router, serverA)
        }
        changing(&answer)
        notes.append("<-- \(name(type))")
        client.receive(answer, at: now)
        drain()
    }

    func probed(isFree: Bool) {
        client.probed(isFree: isFree, at: now)
        drain()
    }

    func release() {
        client.release(at: now)
        drain()
    }

    private func drain() {
        while let output = client.nextOutput() {
            switch output {
            case .broadcast(let message): note(message, "-->")
            case .unicast(let message, let server): note(message, "--> \(server)")
            case .probe(let address): notes.append("probe \(address)")
            case .bound(let lease):
                self.lease = lease
                notes.append("bound \(lease.subnet)")
            case .renewed(let lease):
                self.lease = lease
                notes.append("renewed \(lease.subnet)")
            case .refused(let refusal): notes.append("refused: \(refusal)")
            case .lost(let loss): notes.append("lost: \(loss)")
            }
        }
    }

    private func note(_ message: DHCPMessage, _ arrow: String) {
        last = message
        let wish = message.options.address(.requestedAddress).map { " \($0)" } ?? ""
        notes.append("\(name(message.type))\(wish) \(arrow)")
    }

    private func name(_ type: DHCPMessage.MessageType) -> String {
        let names = ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]
        return names[Int(type.rawValue) - 1]
    }
}
