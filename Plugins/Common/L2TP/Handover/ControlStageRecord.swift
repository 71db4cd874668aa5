import EngineParts
import Wire

extension ControlStage {
    func serialize(into octets: inout [UInt8]) {
        switch self {
        case .awaitingSCCCN(let until):
            octets.append(0)
            octets.append(until)
        case .established: octets.append(1)
        case .ending(let until):
            octets.append(2)
            octets.append(until)
        case .over: octets.append(3)
        }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .awaitingSCCCN(until: try reader.readInstant())
        case 1: self = .established
        case 2: self = .ending(until: try reader.readInstant())
        case 3: self = .over
        default: throw .badValue
        }
    }
}
