import Testing
import Wire

@testable import OpenVPNCore

@Suite struct ReliableSenderTests {
    private let start = Instant(nanoseconds: 0)

    private func filled(_ count: Int) -> ReliableSender {
        var sender = ReliableSender()
        for number in 0..<count { _ = sender.enqueue(.control, [UInt8(number)]) }
        return sender
    }

    private func ids(_ sender: inout ReliableSender, at now: Instant) -> [UInt32] {
        var ids: [UInt32] = []
        while let (_, message) = sender.next(at: now) { ids.append(message.packetID) }
        return ids
    }

    @Test func `the window is filled, and moves with acknowledgements of its oldest`() {
        var sender = filled(10)
        #expect(ids(&sender, at: start) == [0, 1, 2, 3, 4, 5])
        sender.receivedAcknowledgement(of: 1, at: start)
        #expect(ids(&sender, at: start) == [])
        sender.receivedAcknowledgement(of: 0, at: start)
        #expect(ids(&sender, at: start) == [6, 7])
    }

    @Test func `what is not acknowledged is sent again, ever more rarely`() throws {
        var sender = filled(1)
        var now = start
        var waits: [Double] = []
        for _ in 0..<6 {
            #expect(ids(&sender, at: now) == [0])
            let due = try #require(sender.deadline)
            waits.append(now.duration(to: due) / .seconds(1))
            #expect(ids(&sender, at: now) == [])
            now = due
        }
        #expect(waits == [1, 2, 4, 8, 8, 8])
        sender.receivedAcknowledgement(of: 0, at: now)
        #expect(sender.isIdle)
        #expect(sender.deadline == nil)
    }

    @Test func `a message that three later ones overtook is sent at once`() {
        var sender = filled(6)
        _ = ids(&sender, at: start)
        for id: UInt32 in [1, 2] { sender.receivedAcknowledgement(of: id, at: start) }
        #expect(ids(&sender, at: start) == [])
        sender.receivedAcknowledgement(of: 3, at: start)
        #expect(ids(&sender, at: start) == [0])
    }

    @Test func `an acknowledgement of what was never sent changes nothing`() {
        var sender = filled(1)
        _ = ids(&sender, at: start)
        for id: UInt32 in [1, 7, .max] { sender.receivedAcknowledgement(of: id, at: start) }
        #expect(!sender.isIdle)
    }

    @Test func `the backlog is bounded`() {
        var sender = ReliableSender()
        let chunk = [UInt8](repeating: 0, count: 1024)
        var taken = 0
        while sender.enqueue(.control, chunk) { taken += 1 }
        #expect(taken == ReliableSender.maxBacklog / 1024)
    }
}

@Suite struct ReliableReceiverTests {
    private func receive(_ receiver: inout ReliableReceiver, _ ids: UInt32...) {
        for id in ids {
            receiver.receive(.control, .init(packetID: id, payload: [UInt8(truncatingIfNeeded: id)]))
        }
    }

    private func drain(_ receiver: inout ReliableReceiver) -> [UInt8] {
        var octets: [UInt8] = []
        while let (_, payload) = receiver.next() { octets += payload }
        return octets
    }

    @Test func `messages come out in order, once`() {
        var receiver = ReliableReceiver()
        receive(&receiver, 2, 1, 1)
        #expect(drain(&receiver) == [])
        receive(&receiver, 0, 0, 2)
        #expect(drain(&receiver) == [0, 1, 2])
        receive(&receiver, 1)
        #expect(drain(&receiver) == [])
    }

    @Test func `repeated messages are acknowledged again, those beyond the window never`() {
        var receiver = ReliableReceiver()
        receive(&receiver, 0)
        #expect(receiver.acknowledgements(upTo: 8) == [0])
        _ = drain(&receiver)
        receive(&receiver, 0, 1 + ReliableReceiver.window, .max)
        #expect(receiver.owedCount == 2)
        #expect(Set(receiver.acknowledgements(upTo: 8)) == [0, .max])
    }

    @Test func `free room repeats the latest acknowledgements`() {
        var receiver = ReliableReceiver()
        receive(&receiver, 0, 1, 2)
        #expect(receiver.acknowledgements(upTo: 4) == [0, 1, 2])
        receive(&receiver, 3)
        #expect(receiver.acknowledgements(upTo: 4) == [3, 2, 1, 0])
        #expect(!receiver.owesAcknowledgements)
    }

    @Test func `what is owed is bounded`() {
        var receiver = ReliableReceiver(nextID: 1_000)
        for id: UInt32 in 0..<200 { receive(&receiver, id) }
        #expect(receiver.owedCount == ReliableReceiver.maxOwed)
    }

    @Test func `octets out of order are bounded, and what comes in order is always taken`() {
        var receiver = ReliableReceiver()
        let payload = [UInt8](repeating: 7, count: 2000)
        for id: UInt32 in 1..<ReliableReceiver.window {
            receiver.receive(.control, .init(packetID: id, payload: payload))
        }
        let kept = ReliableReceiver.maxHeld / payload.count
        #expect(receiver.owedCount == kept, "what is not kept is not acknowledged: it comes again")
        receiver.receive(.control, .init(packetID: 0, payload: payload))
        #expect(drain(&receiver).count == (kept + 1) * payload.count)
        receive(&receiver, UInt32(kept) + 2, UInt32(kept) + 1)
        #expect(drain(&receiver).count == 2, "there is room again")
    }

    @Test func `numbers may run over`() {
        var receiver = ReliableReceiver(nextID: .max)
        receive(&receiver, 0, .max)
        #expect(drain(&receiver) == [255, 0])
    }
}
