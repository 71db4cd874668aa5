import Wire

@testable package import PPP

extension AuthenticationMethod {
    /// What an option of LCP asks for; EAP, whatever will be within it, counts as EAP-MSCHAPv2.
    static func asked(by option: ConfigurationOption) -> Self? {
        allCases.first { $0 != .eapTLS && $0.option == option }
    }
}

/// LCP's options as a client sees them.
package struct PeerLCPOptions: OptionNegotiator {
    package var accepts: [AuthenticationMethod]
    package var method: AuthenticationMethod?
    package var magicNumber: UInt32
    package var compresses: Bool

    package var request: [ConfigurationOption] {
        [ConfigurationOption(5, magicNumber)]
            + (compresses ? [ConfigurationOption(7), ConfigurationOption(8)] : [])
    }

    package func judge(_ options: [ConfigurationOption]) -> OptionJudgement {
        var verdicts = OptionVerdicts()
        for option in options where option.type == 3 {
            if let offered = AuthenticationMethod.asked(by: option), accepts.contains(offered) { continue }
            if let wanted = accepts.first { verdicts.nak(wanted.option) } else { verdicts.reject(option) }
        }
        return verdicts.judgement
    }

    package mutating func acknowledged(_ options: [ConfigurationOption]) {
        method = options.first { $0.type == 3 }.flatMap { AuthenticationMethod.asked(by: $0) }
    }

    package mutating func receivedNak(_ options: [ConfigurationOption]) {}
    package mutating func receivedReject(_ options: [ConfigurationOption]) { compresses = false }
    package mutating func begin() { method = nil }
}

/// IPCP's options as a client sees them: it takes what it is given.
package struct PeerIPCPOptions: OptionNegotiator {
    package var values: [UInt8: UInt32]
    /// Asks for the same address for ever.
    package var isStubborn = false

    package var request: [ConfigurationOption] {
        values.sorted { $0.key < $1.key }.map { ConfigurationOption($0.key, $0.value) }
    }

    package func judge(_ options: [ConfigurationOption]) -> OptionJudgement { .acknowledge }
    package mutating func acknowledged(_ options: [ConfigurationOption]) {}

    package mutating func receivedNak(_ options: [ConfigurationOption]) {
        guard !isStubborn else { return }
        for option in options { values[option.type] = option.value(UInt32.self) }
    }

    package mutating func receivedReject(_ options: [ConfigurationOption]) {
        for option in options { values[option.type] = nil }
    }

    package mutating func begin() {}
}
