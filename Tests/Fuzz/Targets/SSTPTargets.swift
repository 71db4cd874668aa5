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
    /// connected. What follows is the stream; its pieces may meet other instances. Or the connection is made
    /// of a record, in which what follows, octet and place, stands instead of what was there.
    private static func connection(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        if choice & 3 == 3 { return record(Array(bytes.dropFirst())) }
        let site = SSTPSite()
        site.swapsAllTheTime = choice & 128 != 0
        if choice & 3 == 1 { site.deliver(Array(SimulatedSSTPClient.request.utf8)) }
        if choice & 3 == 2 { site.run(for: 10) { site.isUp } }
        let isConnected = site.connection.isOpen
        site.piece = Int(choice >> 2 & 31) + 1
        site.deliver(Array(bytes.dropFirst()))
        while let output = site.connection.nextOutput() {
            if case .openSession = output { precondition(isConnected, "a stranger is let in") }
        }
        for _ in 0..<4 {
            if let deadline = site.connection.deadline { site.connection.handleTimeout(at: deadline) }
        }
        precondition(site.failedSwaps == 0, "a connection cannot go on in another instance")
        site.connection.streamClosed()
        precondition(site.connection.deadline == nil)
    }

    private static func record(_ changes: [UInt8]) {
        let site = SSTPSite()
        if changes.count & 1 == 0 { site.run(for: 10) { site.isUp } }
        guard var record = site.connection.record else { preconditionFailure("outputs wait") }
        for place in stride(from: 0, to: changes.count - 2, by: 3) {
            let offset = Int(changes[place]) << 8 | Int(changes[place + 1])
            record[offset % record.count] = changes[place + 2]
        }
        for cut in [record.count, changes.count % record.count] {
            guard
                let taken = try? Connection(
                    Array(record.prefix(cut)), site.connection.options, random: SplitMix64(seed: 1))
            else { continue }
            precondition(taken.record != nil, "a connection that was taken over has no record")
            site.connection = taken
            _ = site.run(for: 200) { site.streamIsClosed }
        }
    }
}
