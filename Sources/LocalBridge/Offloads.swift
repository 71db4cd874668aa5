/// What a network card or its driver does to frames on the way in, so that they are not what stood on the
/// wire.
struct Offloads: OptionSet, Sendable {
    let rawValue: UInt32
    static let gro = Offloads(rawValue: 1)
    static let tso = Offloads(rawValue: 2)
    static let gso = Offloads(rawValue: 4)
    static let lro = Offloads(rawValue: 8)
}

extension Offloads: CustomStringConvertible {
    var description: String {
        let names: [(Offloads, String)] = [(.gro, "gro"), (.tso, "tso"), (.gso, "gso"), (.lro, "lro")]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
