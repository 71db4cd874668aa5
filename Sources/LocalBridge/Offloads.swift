/// What a network card or its driver does to frames on the way in, so that they are not what stood on the
/// wire.
struct Offloads: OptionSet, Sendable {
    let rawValue: UInt32
    static let gro = Offloads(rawValue: 1)
    static let lro = Offloads(rawValue: 2)
}

extension Offloads: CustomStringConvertible {
    var description: String {
        let names: [(Offloads, String)] = [(.gro, "gro"), (.lro, "lro")]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
