import OpenVPNCore
import OpenVPNTestClient

extension ServerOptions {
    static func test(_ change: (inout ServerOptions) -> Void = { _ in }) -> ServerOptions {
        var options = ServerOptions(identity: TestCertificates.server)
        change(&options)
        return options
    }
}

extension SimulatedClient.Options {
    static func test(_ change: (inout SimulatedClient.Options) -> Void) -> SimulatedClient.Options {
        var options = SimulatedClient.Options()
        change(&options)
        return options
    }
}

extension SimulatedNetwork {
    /// Runs until the client is connected, for a handshake window at most.
    func connect(_ number: Int) -> Bool { run(for: .seconds(60)) { clients[number].isConnected } }

    /// The words with which the client was sent away; nil if it was not.
    func ending(_ number: Int) -> String? {
        run(for: .seconds(60)) { clients[number].isEnded }
        for case .ended(let words) in reports[number] { return words }
        return nil
    }

    /// Whether a payload makes it there and back. Data are not repeated by anybody: `tries`.
    func echoes(_ number: Int, tries: Int = 1) -> Bool {
        for attempt in 0..<tries {
            let payload: [UInt8] = [0x45, UInt8(truncatingIfNeeded: attempt)] + (0..<50).map { UInt8($0) }
            let before = reports[number].count
            tell(number) { $0.send(payload, at: moment) }
            let isBack = run(for: .seconds(2)) {
                reports[number][before...].contains {
                    if case .received(let back) = $0 { back == payload } else { false }
                }
            }
            if isBack { return true }
        }
        return false
    }

    var questions: [AuthenticationRequest] {
        outputs.compactMap { if case .authenticate(let request) = $0 { request } else { nil } }
    }

    var sessionRequests: [SessionRequest] {
        outputs.compactMap { if case .openSession(let request) = $0 { request } else { nil } }
    }

    var closedSessions: [EndReason] {
        outputs.compactMap { if case .closeSession(_, let reason, _) = $0 { reason } else { nil } }
    }

    var securityLog: [String] {
        outputs.compactMap {
            if case .log(let event) = $0, event.level == .security { event.text } else { nil }
        }
    }

    func renewals(_ number: Int) -> [UInt8] {
        reports[number].compactMap { if case .renewed(let keyID) = $0 { keyID.rawValue } else { nil } }
    }
}
