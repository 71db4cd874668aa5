public import PluginKit

/// `polyhubctl module call softether ...`
extension SoftEtherModule {
    public var commands: [Command] {
        [
            Command("statistics", help: "Prints what the module has counted.", result: .string) { [self] _ in
                .string(counters.report)
            }
        ]
    }
}
