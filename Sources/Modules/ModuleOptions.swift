import OpenSSL
import PluginABI

/// The options of a module's section, held against what the module declares, with fallbacks filled in.
///
/// Texts are kept as C strings because the module reads them through the ABI.
@safe final class ModuleOptions {
    /// One option as the module declares it.
    struct Declaration {
        let key: String
        let type: UInt32
        let isLive: Bool
        let isSecret: Bool
        let fallback: String?
        let accepts: String
        let help: String
        let range: ClosedRange<Int64>
    }

    let declarations: [Declaration]
    private let section: PluginsConfiguration.ModuleSection
    private let file: String
    private(set) var values: [String: OptionValue] = [:]
    private var texts: [String: CText] = [:]
    private var lists: [String: CTextList] = [:]

    /// - Parameter file: of plugins.conf, for messages.
    init(
        _ section: PluginsConfiguration.ModuleSection, declared table: UnsafePointer<pa_option_module_v1>?,
        file: String
    ) throws(ModuleFault) {
        declarations = unsafe Self.read(table)
        (self.section, self.file) = (section, file)
        for (key, value) in section.options {
            let place = "\(Self.place(section.lines[key], section, file)) \(key)"
            guard let declaration = declarations.first(where: { $0.key == key }) else {
                let known = ["library", "listen"] + declarations.map(\.key)
                throw .configuration("\(place) is not known; accepted are \(known.joined(separator: ", "))")
            }
            guard Self.fits(value, declaration) else {
                throw .configuration("\(place) is not accepted: \(declaration.accepts)")
            }
            values[key] = value
        }
        for declaration in declarations where values[declaration.key] == nil {
            values[declaration.key] = declaration.fallback.flatMap { Self.parse($0, as: declaration.type) }
        }
        for (key, value) in values {
            if case .string(let text) = value { texts[key] = CText(text) }
            if case .strings(let list) = value { lists[key] = CTextList(list) }
        }
    }

    /// What a module says of an option, with the place where that stands: a sentence that begins with a key.
    func placed(_ sentence: String) -> String {
        let key = String(sentence.prefix { $0 != " " && $0 != ":" })
        guard let line = section.lines[key] else { return sentence }
        return "\(Self.place(line, section, file)) \(sentence)"
    }

    private static func place(
        _ line: Int?, _ section: PluginsConfiguration.ModuleSection, _ file: String
    ) -> String {
        "\(file):\(line ?? 1): [\(section.name)]"
    }

    /// Lent until the options are replaced.
    func text(_ key: String) -> UnsafePointer<CChar>? {
        guard let text = texts[key] else { return nil }
        return unsafe UnsafePointer(text.start)
    }
    func list(_ key: String) -> (start: UnsafePointer<UnsafePointer<CChar>?>, count: Int)? {
        guard let list = lists[key] else { return nil }
        return unsafe (list.start, list.count)
    }

    /// Whether `other` differs from this in options alone that the module takes live.
    func differsOnlyLive(from other: ModuleOptions) -> Bool {
        declarations.allSatisfy { $0.isLive || values[$0.key] == other.values[$0.key] }
    }

    private static func fits(_ value: OptionValue, _ declaration: Declaration) -> Bool {
        switch (value, declaration.type) {
        case (.string, PA_OPTION_STRING), (.boolean, PA_OPTION_BOOLEAN), (.strings, PA_OPTION_STRINGS): true
        case (.integer(let number), PA_OPTION_INTEGER): declaration.range.contains(number)
        default: false
        }
    }

    /// A fallback as plugins.conf would write it; lists are separated by commas there.
    private static func parse(_ text: String, as type: UInt32) -> OptionValue? {
        switch type {
        case PA_OPTION_STRING: .string(text)
        case PA_OPTION_INTEGER: Int64(text).map(OptionValue.integer)
        case PA_OPTION_BOOLEAN: .boolean(text == "true")
        case PA_OPTION_STRINGS:
            .strings(text.split(separator: ",").map { String($0.drop { $0 == " " }) })
        default: nil
        }
    }

    private static func read(_ table: UnsafePointer<pa_option_module_v1>?) -> [Declaration] {
        guard let table = unsafe table, let list = unsafe table.pointee.options else { return [] }
        return unsafe (0..<Int(table.pointee.count)).compactMap { index in
            guard let raw = unsafe list[index]?.pointee, let key = unsafe raw.key else {
                return nil
            }
            return unsafe Declaration(
                key: String(cString: key), type: raw.type, isLive: raw.flags & PA_OPTION_LIVE != 0,
                isSecret: raw.flags & PA_OPTION_SECRET != 0,
                fallback: raw.fallback.map { unsafe String(cString: $0) },
                accepts: raw.accepts.map { unsafe String(cString: $0) } ?? "",
                help: raw.help.map { unsafe String(cString: $0) } ?? "",
                range: raw.minimum...max(raw.minimum, raw.maximum))
        }
    }
}

/// A text as C sees it.
@safe final class CText: @unchecked Sendable {
    let start: UnsafeMutablePointer<CChar>
    private let count: Int

    init(_ text: String) {
        let octets = Array(text.utf8.filter { $0 != 0 }.map { CChar(bitPattern: $0) }) + [0]
        count = octets.count
        unsafe start = .allocate(capacity: octets.count)
        for (index, octet) in octets.enumerated() { unsafe start[index] = octet }
    }

    /// It may be a secret.
    deinit {
        unsafe wipe(UnsafeMutableRawBufferPointer(start: start, count: count))
        unsafe start.deallocate()
    }
}

/// A list of texts as C sees it.
@safe final class CTextList {
    let count: Int
    private let texts: [CText]
    private let pointers: UnsafeMutablePointer<UnsafePointer<CChar>?>

    init(_ list: [String]) {
        texts = list.map(CText.init)
        count = list.count
        unsafe pointers = .allocate(capacity: list.count + 1)
        for (index, text) in texts.enumerated() { unsafe pointers[index] = UnsafePointer(text.start) }
        unsafe pointers[list.count] = nil
    }

    deinit { unsafe pointers.deallocate() }

    var start: UnsafePointer<UnsafePointer<CChar>?> { unsafe UnsafePointer(pointers) }
}
