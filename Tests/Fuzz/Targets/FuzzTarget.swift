/// Something that reads what strangers send. `run` must come back from any input: no trap, no access outside
/// of it. A property that should hold is a precondition in `run`.
public struct FuzzTarget: Sendable {
    /// Also the name of its folder in `Corpus`.
    public let name: String
    public let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    public static let all =
        wireTargets + openVPNNegotiationTargets + openVPNControlTargets + openVPNDataTargets
        + openVPNServerTargets + softEtherTargets + layerConverterTargets + secureNATTargets + policyTargets
        + pppTargets + sstpTargets + ipsecTargets + ipsecRecordTargets

    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
