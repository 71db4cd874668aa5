import PPPPeer
import Testing
import Wire

@testable import PPP

@Suite struct ControlProtocolTests {
    private let start = Instant(nanoseconds: 0)
    private let wish = [ConfigurationOption(3, UInt32(0))]

    private func opened() -> ControlProtocol<IPCPOptions> {
        var machine = ControlProtocol(
            IPCPOptions(PeerNetwork(address: IPv4Address(0x0a00_0007), own: IPv4Address(0x0a00_0001))))
        machine.open(at: start)
        machine.lowerLayerIsUp(at: start)
        return machine
    }

    private func packets(_ machine: inout ControlProtocol<IPCPOptions>) -> [ControlPacket] {
        var packets: [ControlPacket] = []
        while let output = machine.nextOutput() {
            if case .send(let packet) = output { packets.append(packet) }
        }
        return packets
    }

    private func request(_ identifier: UInt8, _ options: [ConfigurationOption]) -> ControlPacket {
        ControlPacket(.configureRequest, identifier, ConfigurationOption.octets(of: options))
    }

    @Test func `a request is sent ten times in 30 seconds, then no more`() {
        var machine = opened()
        var sent = packets(&machine)
        while let deadline = machine.deadline {
            machine.handleTimeout(at: deadline)
            sent += packets(&machine)
            if machine.deadline == nil { #expect(deadline == start + .seconds(30)) }
        }
        #expect(sent.count == 10)
        #expect(Set(sent.map(\.identifier)).count == 1)
        #expect(machine.automaton.state == .stopped)
    }

    /// Input 9: a peer that never comes round.
    @Test func `after five Naks the peer's option is rejected`() throws {
        var machine = opened()
        _ = packets(&machine)
        var codes: [ControlPacket.Code] = []
        for identifier in 1...6 {
            try machine.receive(request(UInt8(identifier), wish), at: start)
            codes += packets(&machine).map(\.code)
        }
        #expect(codes == Array(repeating: .configureNak, count: 5) + [.configureReject])
    }

    @Test func `a peer that refuses for ever is given up`() throws {
        var machine = opened()
        var rounds = 0
        while machine.automaton.state == .reqSent, rounds < 100 {
            let request = try #require(packets(&machine).last)
            try machine.receive(
                ControlPacket(.configureNak, request.identifier, request.data), at: start)
            rounds += 1
        }
        #expect(rounds == ControlProtocol<IPCPOptions>.maxRefusals + 1)
        #expect(machine.automaton.state == .stopped)
    }

    @Test func `answers to what was not asked are ignored`() throws {
        var machine = opened()
        let sent = try #require(packets(&machine).first)
        try machine.receive(ControlPacket(.configureAck, sent.identifier &+ 1, sent.data), at: start)
        try machine.receive(ControlPacket(.configureAck, sent.identifier, []), at: start)
        try machine.receive(
            ControlPacket(.configureReject, sent.identifier, [3, 6, 1, 1, 1, 1]), at: start)
        #expect(machine.automaton.state == .reqSent)
        try machine.receive(ControlPacket(.configureAck, sent.identifier, sent.data), at: start)
        #expect(machine.automaton.state == .ackRcvd)
        try machine.receive(ControlPacket(.configureAck, sent.identifier, sent.data), at: start)
        #expect(machine.automaton.state == .ackRcvd)
    }

    @Test func `the request that was acknowledged last is acknowledged again, and nothing falls`() throws {
        var machine = opened()
        let sent = try #require(packets(&machine).first)
        try machine.receive(ControlPacket(.configureAck, sent.identifier, sent.data), at: start)
        let wanted = request(4, [ConfigurationOption(3, UInt32(0x0a00_0007))])
        try machine.receive(wanted, at: start)
        #expect(machine.isOpened)
        _ = packets(&machine)
        try machine.receive(wanted, at: start)
        #expect(packets(&machine).map(\.code) == [.configureAck])
        #expect(machine.isOpened)
        try machine.receive(request(5, [ConfigurationOption(3, UInt32(0x0a00_0007))]), at: start)
        #expect(!machine.isOpened)
    }

    @Test func `unknown codes are rejected, and a rejected code of ours ends it`() throws {
        var machine = opened()
        let sent = try #require(packets(&machine).first)
        try machine.receive(ControlPacket(ControlPacket.Code(rawValue: 255), 1, [1]), at: start)
        let rejected = packets(&machine)
        #expect(rejected.map(\.code) == [.codeReject])
        #expect(rejected.first?.data == [255, 1, 0, 5, 1])
        // The request that is under way may still be answered.
        try machine.receive(ControlPacket(.configureAck, sent.identifier, sent.data), at: start)
        #expect(machine.automaton.state == .ackRcvd)
        try machine.receive(ControlPacket(.codeReject, 1, sent.octets), at: start)
        #expect(machine.automaton.state == .stopped)
    }

    @Test func `an interface identifier that is missing, zero or ours is offered another`() throws {
        var options = IPV6CPOptions(own: 1, offered: 2)
        let offer = OptionJudgement.nak([ConfigurationOption(1, UInt64(2))])
        #expect(options.judge([]) == offer)
        #expect(options.judge([ConfigurationOption(1, UInt64(0))]) == offer)
        #expect(options.judge([ConfigurationOption(1, UInt64(1))]) == offer)
        let right = [ConfigurationOption(1, UInt64(9))]
        #expect(options.judge(right) == .acknowledge)
        options.acknowledged(right)
        #expect(options.peer == 9)
        var insisting = IPV6CPOptions(own: 1, offered: 2, insists: true)
        #expect(insisting.judge(right) == offer)
        #expect(insisting.judge(right) == .acknowledge)
        let odd = ConfigurationOption(1, UInt32(9))
        #expect(options.judge([odd]) == .reject([odd]))
    }
}
