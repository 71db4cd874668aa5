import ArgumentParser
import Policy

/// `--policy`, for users, groups and hubs.
struct PolicyOptions: ParsableArguments {
    private static let help = ArgumentHelp(
        "What sessions may do, as in router=yes or macs=3; macs= takes it back. Any number of times.",
        discussion: PolicySetting.allCases.map { "\($0.rawValue): \($0.help)" }.joined(separator: "; "),
        valueName: "NAME=VALUE")

    @Option(name: .customLong("policy"), help: help) var assignments: [String] = []

    /// Nil: nothing was said.
    var given: [String]? { assignments.isEmpty ? nil : assignments }
}
