/// The options of LCP as the authenticator sees them, RFC 1661 §6: it asks for its MRU, for a proof of who
/// the peer is, and for a magic number. It proves nothing itself, and everything else that a peer may ask for
/// (callback, multilink, quality reports) is rejected.
public struct LCPOptions: OptionNegotiator {
    enum OptionType {
        static let mru: UInt8 = 1
        /// RFC 1662 §7.1; of no meaning where no octets are escaped.
        static let accm: UInt8 = 2
        static let magicNumber: UInt8 = 5
        static let protocolFieldCompression: UInt8 = 7
        static let addressAndControlFieldCompression: UInt8 = 8
    }

    public static let defaultMRU: UInt16 = 1500
    /// Of a peer; a smaller one is naked with this. It carries the smallest IPv4 packet that every host
    /// takes.
    public static let minMRU: UInt16 = 576

    /// Ours.
    public let mru: UInt16
    public private(set) var magicNumber: UInt32
    /// What is asked for first, and what the peer may still choose instead.
    public private(set) var methods: [AuthenticationMethod]
    /// The peer wants none of the methods, or to prove nothing at all.
    public internal(set) var isRefused = false

    // What the peer asked for.
    public internal(set) var peerMRU = defaultMRU
    public internal(set) var peerMagicNumber: UInt32 = 0
    /// The peer takes headers without address and control, and one-octet protocols.
    public internal(set) var compressesAddress = false
    public internal(set) var compressesProtocol = false

    var rejected: Set<UInt8> = []

    public init(mru: UInt16, magicNumber: UInt32, methods: [AuthenticationMethod]) {
        self.mru = mru
        self.magicNumber = magicNumber == 0 ? 1 : magicNumber
        self.methods = methods
    }

    /// The one that holds, or is asked for. Nil where nothing was to be proved.
    public var method: AuthenticationMethod? { methods.first }

    /// The peer's accounts cannot be judged by the present method: ask for the next one. False where none is
    /// left.
    public mutating func dropMethod() -> Bool {
        if !methods.isEmpty { methods.removeFirst() }
        return !methods.isEmpty
    }

    public var request: [ConfigurationOption] {
        var options: [ConfigurationOption] = []
        if mru != Self.defaultMRU { options.append(ConfigurationOption(OptionType.mru, mru)) }
        if let method { options.append(method.option) }
        options.append(ConfigurationOption(OptionType.magicNumber, magicNumber))
        return options.filter { !rejected.contains($0.type) }
    }

    public func judge(_ options: [ConfigurationOption]) -> OptionJudgement {
        var verdicts = OptionVerdicts()
        for option in options {
            switch option.type {
            case OptionType.mru:
                guard let value = option.value(UInt16.self) else { verdicts.reject(option); continue }
                if value < Self.minMRU { verdicts.nak(ConfigurationOption(option.type, Self.minMRU)) }
            case OptionType.magicNumber:
                guard let value = option.value(UInt32.self) else { verdicts.reject(option); continue }
                // Our own number comes from a link that is looped back.
                if value == 0 || value == magicNumber {
                    verdicts.nak(ConfigurationOption(option.type, ~magicNumber))
                }
            case OptionType.accm: if option.data.count != 4 { verdicts.reject(option) }
            case OptionType.protocolFieldCompression, OptionType.addressAndControlFieldCompression:
                if !option.data.isEmpty { verdicts.reject(option) }
            default: verdicts.reject(option)
            }
        }
        return verdicts.judgement
    }

    public mutating func begin() {
        peerMRU = Self.defaultMRU
        peerMagicNumber = 0
        compressesAddress = false
        compressesProtocol = false
        rejected = []
        isRefused = false
    }

    public mutating func acknowledged(_ options: [ConfigurationOption]) {
        peerMRU = Self.defaultMRU
        compressesAddress = false
        compressesProtocol = false
        for option in options {
            switch option.type {
            case OptionType.mru: peerMRU = option.value(UInt16.self) ?? Self.defaultMRU
            case OptionType.magicNumber: peerMagicNumber = option.value(UInt32.self) ?? 0
            case OptionType.protocolFieldCompression: compressesProtocol = true
            case OptionType.addressAndControlFieldCompression: compressesAddress = true
            default: break
            }
        }
    }

    public mutating func receivedNak(_ options: [ConfigurationOption]) {
        for option in options {
            switch option.type {
            case AuthenticationMethod.optionType: receivedNak(ofMethod: option)
            case OptionType.magicNumber: changeMagicNumber()
            // Our own MRU is what we can take; a peer that will send less does so without our help.
            default: break
            }
        }
    }

    public mutating func receivedReject(_ options: [ConfigurationOption]) {
        for option in options {
            if option.type == AuthenticationMethod.optionType {
                isRefused = true
            } else {
                rejected.insert(option.type)
            }
        }
    }

    /// The one that the peer would rather have, if it is among ours; else the next weaker one.
    private mutating func receivedNak(ofMethod option: ConfigurationOption) {
        guard methods.count > 1 else { return isRefused = true }
        methods.removeFirst()
        guard let wanted = AuthenticationMethod(option), let index = methods.firstIndex(of: wanted) else {
            return
        }
        methods.removeSubrange(..<index)
    }

    /// Both ends chose the same: a chance of one in four thousand million, or a loop. Any other number will
    /// do.
    private mutating func changeMagicNumber() { magicNumber = magicNumber &* 0x9e37_79b1 | 1 }
}
