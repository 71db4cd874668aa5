import EngineParts
import Wire

/// A quick mode as it travels to another instance of the module, which has the keys of its ISAKMP SA.
extension QuickMode {
    /// Nil: one of our own with perfect forward secrecy, whose key stays in the memory of this instance. The
    /// other one asks anew.
    var recordedOctets: [UInt8]? {
        var octets: [UInt8] = []
        switch stage {
        case .awaitingConfirmation(let expected, let spi):
            octets.append(0)
            octets.appendCounted(expected)
            octets.appendBigEndian(spi)
        case .awaitingAnswer(let asked):
            guard asked.key == nil else { return nil }
            octets.append(1)
            octets.appendCounted(asked.nonce)
            octets.appendBigEndian(asked.spi)
            octets.appendBigEndian(asked.old.spi)
        case .done: octets.append(2)
        }
        octets.appendCounted(chain.iv)
        octets.appendCounted(lastReceived)
        octets.appendCounted(lastSent)
        octets.append(deadline)
        octets.append(UInt8(clamping: retransmits))
        return octets
    }

    /// `children`: those of the SA.
    init(
        _ keys: PhaseOneKeys, _ children: [UInt32: IKEServer.Child], parsing reader: inout ByteReader
    ) throws(WireError) {
        stage = try Stage(children, parsing: &reader)
        let iv = try reader.readCounted()
        guard iv.count == keys.suite.cipher.blockLength else { throw .badLength }
        chain = CipherChain(keys, iv: iv)
        lastReceived = try reader.readCounted()
        lastSent = try reader.readCounted()
        deadline = try reader.readInstant()
        retransmits = Int(try reader.read(UInt8.self))
    }

    /// The SA that it is to replace, where it is one of our own.
    var replaced: UInt32? {
        if case .awaitingAnswer(let asked) = stage { asked.old.spi } else { nil }
    }
}

extension QuickMode.Stage {
    fileprivate init(
        _ children: [UInt32: IKEServer.Child], parsing reader: inout ByteReader
    ) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0:
            self = .awaitingConfirmation(
                expected: try reader.readCounted(), spi: try reader.read(UInt32.self))
        case 1:
            let (nonce, spi) = (try reader.readCounted(), try reader.read(UInt32.self))
            guard let old = children[try reader.read(UInt32.self)]?.sa, old.suite.group == nil else {
                throw .badValue
            }
            self = .awaitingAnswer(QuickMode.Asked(nonce: nonce, spi: spi, key: nil, old: old))
        case 2: self = .done
        default: throw .badValue
        }
    }
}
