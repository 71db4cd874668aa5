internal import PluginABI

/// One option that a module accepts in its section of plugins.conf. The host checks plugins.conf against it.
public struct OptionDeclaration: Sendable {
    public enum Kind: Sendable {
        case string(fallback: String?)
        case integer(fallback: Int64?, range: ClosedRange<Int64>)
        case boolean(fallback: Bool)
        case strings(fallback: [String])
    }

    public var key: String
    public var kind: Kind
    /// For people: "0 (never) to 86400, in seconds".
    public var accepts: String
    /// One sentence.
    public var help: String
    /// A change needs no reload of the module.
    public var isLive = false
    /// Never shown, never logged.
    public var isSecret = false

    public static func string(_ key: String, default value: String? = nil, accepts: String, help: String)
        -> Self
    {
        Self(key: key, kind: .string(fallback: value), accepts: accepts, help: help)
    }

    public static func integer(
        _ key: String, default value: Int64? = nil, in range: ClosedRange<Int64>, accepts: String,
        help: String
    ) -> Self {
        Self(key: key, kind: .integer(fallback: value, range: range), accepts: accepts, help: help)
    }

    public static func boolean(_ key: String, default value: Bool, help: String) -> Self {
        Self(key: key, kind: .boolean(fallback: value), accepts: "true or false", help: help)
    }

    public static func strings(
        _ key: String, default value: [String] = [], accepts: String, help: String
    ) -> Self {
        Self(key: key, kind: .strings(fallback: value), accepts: accepts, help: help)
    }

    /// The same, read again while the module runs.
    public var live: Self {
        var option = self
        option.isLive = true
        return option
    }

    /// The same, never shown.
    public var secret: Self {
        var option = self
        option.isSecret = true
        return option
    }
}

extension OptionDeclaration {
    func raw(in memory: CMemory) -> pa_option_v1 {
        var raw = unsafe pa_option_v1()
        unsafe raw.size = UInt32(MemoryLayout<pa_option_v1>.size)
        unsafe raw.type = type
        unsafe raw.flags = (isLive ? PA_OPTION_LIVE : 0) | (isSecret ? PA_OPTION_SECRET : 0)
        unsafe raw.key = memory.text(key)
        unsafe raw.fallback = memory.text(fallback)
        unsafe raw.accepts = memory.text(accepts)
        unsafe raw.help = memory.text(help)
        if case .integer(_, let range) = kind {
            unsafe raw.minimum = range.lowerBound
            unsafe raw.maximum = range.upperBound
        }
        return unsafe raw
    }

    private var type: UInt32 {
        switch kind {
        case .string: PA_OPTION_STRING
        case .integer: PA_OPTION_INTEGER
        case .boolean: PA_OPTION_BOOLEAN
        case .strings: PA_OPTION_STRINGS
        }
    }

    /// As the host reads it: texts without quotes, lists separated by commas.
    private var fallback: String? {
        switch kind {
        case .string(let value): value
        case .integer(let value, _): value.map { String($0) }
        case .boolean(let value): String(value)
        case .strings(let values): values.joined(separator: ", ")
        }
    }
}
