import SSTPClient
import Testing
import Wire

@testable import SSTPCore

/// MS-SSTP §3.3.5.2: what a message leads to in each state, in the order of `Call.State`.
private let specified = """
    1 connectRequest | process   abort     abort       ignore     ignore ignore      ignore ignore
    2 connectAck     | abort     abort     abort       ignore     ignore ignore      ignore ignore
    3 connectNak     | abort     abort     abort       ignore     ignore ignore      ignore ignore
    4 connected      | abort     process   abort       ignore     ignore ignore      ignore ignore
    5 abort          | answerAbort answerAbort answerAbort awaitAbort ignore answerAbort ignore ignore
    6 disconnect     | acknowledge acknowledge acknowledge ignore ignore acknowledge ignore ignore
    7 disconnectAck  | abort     abort     abort       ignore     ignore cleanUp     ignore ignore
    8 echoRequest    | abort     abort     answerEcho  ignore     ignore ignore      ignore ignore
    9 echoResponse   | abort     abort     noteEcho    ignore     ignore ignore      ignore ignore
    77 unknown       | abort     abort     abort       ignore     ignore ignore      ignore ignore
    """

@Suite struct CallTests {
    private let start = Instant(nanoseconds: 0)
    private let request = ControlMessage(
        .callConnectRequest, [.init(id: .encapsulatedProtocol, value: [0, 1])])

    private func call() -> Call {
        Call(
            BindingExpectation(
                hashes: [.sha1, .sha256], nonce: [UInt8](repeating: 3, count: 32), certificate: [1]),
            requiresBinding: true, at: start)
    }

    /// Types of the messages that are sent, with statuses.
    private func said(_ call: inout Call) -> [String] {
        var said: [String] = []
        while let output = call.nextOutput() {
            switch output {
            case .send(let octets):
                guard let message = try? ControlMessage(parsing: octets.span.bytes) else { continue }
                let statuses = message.attributes.compactMap { attribute in
                    attribute.id == .statusInfo
                        ? " \(attribute.value[3]):\(StatusInfo.number(in: attribute) ?? 99)" : nil
                }
                said.append("\(message.type.rawValue)\(statuses.joined())")
            case .startPPP: said.append("ppp")
            case .connected: said.append("connected")
            case .bindingFault: said.append("fault")
            case .over(let end): said.append("over \(end.cause)")
            case .closeStream: said.append("close")
            }
        }
        return said
    }

    @Test func `all reactions are those of the specification`() {
        var cells = 0
        for line in specified.split(separator: "\n") {
            let parts = line.split(separator: "|")
            let number = UInt16(parts[0].split(separator: " ")[0])!
            let wanted = parts[1].split(separator: " ").map(String.init)
            #expect(wanted.count == Call.State.allCases.count)
            for (state, reaction) in zip(Call.State.allCases, wanted) {
                #expect(
                    Call.reaction(to: .init(rawValue: number), in: state).rawValue == reaction,
                    "\(parts[0]) in \(state)")
                cells += 1
            }
        }
        #expect(cells == 80)
    }

    @Test func `requests that are not acceptable are told why, three times`() {
        let ppp = request.attributes[0]
        for (attributes, answer) in [
            ([], "3 2:10"), ([ppp, ppp], "3 1:1"),
            ([.init(id: .encapsulatedProtocol, value: [0, 2])], "3 1:4"),
            ([.init(id: .encapsulatedProtocol, value: [0])], "3 1:3"),
            ([ppp, .init(id: .init(rawValue: 9), value: [])], "3 9:2"),
            ([ppp, StatusInfo(id: .none, status: .valueNotSupported).attribute], "3 2:11"),
        ] as [([ControlMessage.Attribute], String)] {
            var call = call()
            for _ in 0..<3 {
                call.receive(ControlMessage(.callConnectRequest, attributes).octets, at: start)
                #expect(said(&call) == [answer])
            }
            call.receive(ControlMessage(.callConnectRequest, attributes).octets, at: start)
            #expect(said(&call) == ["5 2:6", "over protocolError"])
        }
        var call = call()
        let noError = StatusInfo(id: .none, status: .noError).attribute
        call.receive(ControlMessage(.callConnectRequest, [ppp, noError]).octets, at: start)
        #expect(said(&call) == ["2", "ppp"])
    }

    /// Input 13: attribute counts that lie, and a call that is connected before anybody is authenticated.
    @Test func `messages that lie about themselves abort the call`() {
        for packet in [
            octets("1001000e00010002000100060001"), octets("1001000e00010000000100060001"),
            octets("1001000e0001000100010005 0001"), octets("1001000e0001000100010003 0001"),
            octets("10010006 0001"), octets("1001000e0001ffff000100060001"),
        ] {
            var call = call()
            call.receive(packet, at: start)
            #expect(said(&call) == ["5 0:7", "over protocolError"])
        }
    }

    @Test func `nobody is connected before he is authenticated`() {
        for requiresBinding in [true, false] {
            var options = SimulatedSSTPClient.Options()
            options.isHasty = true
            let site = SSTPSite(
                ConnectionOptions(methods: [.msCHAPv2], requiresBinding: requiresBinding), options)
            #expect(site.run { site.streamIsClosed })
            #expect(site.client.statuses.first == Status.valueNotSupported.rawValue)
            #expect(site.wishes.isEmpty)
        }
    }

    @Test func `a call without a binding, or with one of another length, is aborted`() {
        for attributes in [
            [], [.init(id: .cryptoBinding, value: [UInt8](repeating: 0, count: 99))],
            [StatusInfo(id: .none, status: .valueNotSupported).attribute],
        ] as [[ControlMessage.Attribute]] {
            var call = call()
            call.receive(request.octets, at: start)
            call.authenticated(hlak: CryptoBinding.key([], []))
            _ = said(&call)
            call.receive(ControlMessage(.callConnected, attributes).octets, at: start)
            #expect(said(&call) == ["fault", "5 2:9", "over binding"])
        }
    }

    @Test func `the client's abort and disconnect are answered and waited for`() {
        for (type, answer) in [(ControlMessage.MessageType.callAbort, "5"), (.callDisconnect, "7")] {
            var call = call()
            call.receive(request.octets, at: start)
            _ = said(&call)
            call.receive(ControlMessage(type).octets, at: start)
            #expect(said(&call) == [answer, "over peer"])
            call.receive(ControlMessage(type).octets, at: start)
            #expect(said(&call) == [])
            #expect(call.deadline == start + .seconds(1))
            call.handleTimeout(at: start + .seconds(1))
            #expect(said(&call) == ["close"])
            #expect(call.state == .disconnected)
        }
    }

    @Test func `our own abort and disconnect wait for their answers, and not for ever`() {
        var abort = call()
        abort.receive(ControlMessage(.echoRequest).octets, at: start)
        #expect(said(&abort) == ["5 0:5", "over protocolError"])
        #expect(abort.deadline == start + .seconds(3))
        abort.receive(ControlMessage(.callAbort).octets, at: start)
        #expect(abort.deadline == start + .seconds(1))
        var disconnect = call()
        disconnect.disconnect(at: start)
        #expect(said(&disconnect) == ["6"])
        #expect(disconnect.deadline == start + .seconds(5))
        disconnect.receive(ControlMessage(.callDisconnectAck).octets, at: start)
        #expect(said(&disconnect) == ["close"])
        var silent = call()
        silent.disconnect(at: start)
        _ = said(&silent)
        silent.handleTimeout(at: start + .seconds(5))
        #expect(said(&silent) == ["close"])
    }

    @Test func `a negotiation ends after a minute`() {
        var call = call()
        call.handleTimeout(at: start + .seconds(60))
        #expect(said(&call) == ["5 0:8", "over timeout"])
    }
}
