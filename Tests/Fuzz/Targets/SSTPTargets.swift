import PPPPeer
import SSTPClient
import Wire

@testable import SSTPCore

extension FuzzTarget {
    static let sstpTargets = [
        FuzzTarget("sstp-message", message), FuzzTarget("sstp-http", http),
        FuzzTarget("sstp-connection", connection),
    ]

    private static func message(_ bytes: [UInt8]) {
        if case .packet(_, let length) = SSTPHeader(bytes.span.bytes) {
            precondition(length > SSTPHeader.length && length <= bytes.count)
        }
        guard let message = try? ControlMessage(parsing: bytes.span.bytes) else { return }
        let again = try? ControlMessage(parsing: message.octets.span.bytes)
        precondition(again == message, "a message does not survive the way there and back")
        for attribute in message.attributes {
            _ = StatusInfo.number(in: attribute)
            guard let binding = CryptoBinding(attribute.value) else { continue }
            let expectation = BindingExpectation(
                hashes: [.sha1, .sha256], nonce: binding.nonce, certificate: [1])
            precondition(
                expectation.fault(of: binding, in: bytes, hlak: CryptoBinding.key([], [])) != nil,
                "a binding to no certificate is accepted")
        }
    }

    private static func http(_ bytes: [UInt8]) {
        _ = HTTPOpening.isOpening(bytes.span.bytes)
        var whole = HTTPOpening()
        let step = whole.receive(bytes.span.bytes)
        if case .request(let length) = step {
            precondition(length <= bytes.count && length <= HTTPOpening.limits.head)
        }
        var pieces = HTTPOpening()
        for count in 0...bytes.count {
            let early = pieces.receive(bytes.span.bytes.extracting(first: count))
            if early == .incomplete, count < bytes.count { continue }
            precondition(early == step, "a request is read otherwise in pieces")
            break
        }
    }

    /// The first octet chooses how far a client has come: it says nothing, has sent its HTTP request, or is
    /// connected. What follows is the stream.
    private static func connection(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let site = SSTPSite()
        if choice & 3 == 1 { site.deliver(Array(SimulatedSSTPClient.request.utf8)) }
        if choice & 3 == 2 { site.run(for: 10) { site.isUp } }
        let isConnected = site.connection.isOpen
        site.piece = Int(choice >> 2) + 1
        site.deliver(Array(bytes.dropFirst()))
        while let output = site.connection.nextOutput() {
            if case .openSession = output { precondition(isConnected, "a stranger is let in") }
        }
        for _ in 0..<4 {
            if let deadline = site.connection.deadline { site.connection.handleTimeout(at: deadline) }
        }
        site.connection.streamClosed()
        precondition(site.connection.deadline == nil)
    }
}
