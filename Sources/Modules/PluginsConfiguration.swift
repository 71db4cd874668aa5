import Foundation
public import Lanes
import TOMLKit

/// What plugins.conf says: which modules are loaded, where they listen, and their options.
public struct PluginsConfiguration: Equatable, Sendable {
    /// The hub that is meant by a name without `@`.
    public var defaultHub = "DEFAULT"
    /// PEM files of the server's own certificates and their keys, in the same order. The first is presented
    /// where no other has the name that a client asks for. Empty: the server makes one for itself.
    public var certificateFiles: [String] = []
    public var keyFiles: [String] = []
    /// The oldest TLS that clients may speak.
    public var oldestTLS = TLSVersion.tls12
    /// The address or name that clients shall use, for profiles; the outgoing address where it is left out.
    public var publicName: String?
    /// What is kept of passwords besides their hash, for protocols that prove passwords with it; nil: all
    /// that the server knows.
    public var keptVerifiers: [String]?
    /// How log lines are written.
    public var logFormat = LogFormat.text
    /// In the order of the file.
    public var modules: [ModuleSection] = []

    public enum LogFormat: String, Sendable, CaseIterable { case text, json }

    /// One module's section.
    public struct ModuleSection: Equatable, Sendable {
        public var name: String
        /// A name in the module directory, or a path.
        public var library: String
        /// Nil: the module's default listeners.
        public var listen: [ListenURL]?
        public var options: [String: OptionValue]
        /// The line of each key, for messages.
        public var lines: [String: Int]

        public static func == (a: Self, b: Self) -> Bool {
            a.name == b.name && a.library == b.library && a.listen == b.listen && a.options == b.options
        }
    }

    /// Reads the file; every fault names file, line, key and what is accepted.
    public init(file: String) throws(ModuleFault) {
        guard let contents = FileManager.default.contents(atPath: file) else {
            throw .configuration("\(file) cannot be read: no such file, or no permission")
        }
        guard let text = String(data: contents, encoding: .utf8) else {
            throw .configuration("\(file) is not UTF-8")
        }
        try self.init(text: text, file: file)
    }

    /// - Parameter file: the name that faults tell.
    public init(text: String, file: String) throws(ModuleFault) {
        let table: TOMLTable
        do { table = try TOMLTable(string: text) } catch {
            throw .configuration("\(file): this is not TOML: \(error)")
        }
        var reader = SectionReader(file: file, lines: KeyLines(text))
        for key in table.keys.sorted(by: { reader.lines[$0, nil] < reader.lines[$1, nil] }) {
            guard let value = table[key] else { continue }
            switch key {
            case "default_hub": defaultHub = try reader.string(value, key)
            case "public_name": publicName = try reader.string(value, key)
            case "tls": try readTLS(reader.table(value, key), &reader)
            case "log": try readLog(reader.table(value, key), &reader)
            case "passwords": try readPasswords(reader.table(value, key), &reader)
            default: modules.append(try reader.module(value, key))
            }
        }
    }

    private mutating func readTLS(_ table: TOMLTable, _ reader: inout SectionReader) throws(ModuleFault) {
        reader.section = "tls"
        for key in table.keys {
            guard let value = table[key] else { continue }
            switch key {
            case "certificate": certificateFiles = try reader.strings(value, key)
            case "key": keyFiles = try reader.strings(value, key)
            case "oldest": oldestTLS = try reader.version(value, key)
            default: throw reader.fault(key, "is not known; accepted are certificate, key and oldest")
            }
        }
        guard certificateFiles.isEmpty == keyFiles.isEmpty else {
            throw reader.fault("tls", "names only one of certificate and key; both are needed, or none")
        }
        guard certificateFiles.count == keyFiles.count else {
            let counts = "\(certificateFiles.count) certificates and \(keyFiles.count) keys"
            throw reader.fault("tls", "has \(counts); one each is needed")
        }
        reader.section = nil
    }

    private mutating func readPasswords(
        _ table: TOMLTable, _ reader: inout SectionReader
    ) throws(ModuleFault) {
        reader.section = "passwords"
        for key in table.keys {
            guard let value = table[key] else { continue }
            guard key == "keep", let kinds = value.array else {
                throw reader.fault(key, "is not accepted here; accepted is keep, a list of strings")
            }
            keptVerifiers = try kinds.map { (kind) throws(ModuleFault) in try reader.string(kind, key) }
        }
        reader.section = nil
    }

    private mutating func readLog(_ table: TOMLTable, _ reader: inout SectionReader) throws(ModuleFault) {
        reader.section = "log"
        for key in table.keys {
            guard let value = table[key] else { continue }
            guard key == "format", let format = LogFormat(rawValue: try reader.string(value, key)) else {
                throw reader.fault(key, "is not accepted here; accepted is format = \"text\" or \"json\"")
            }
            logFormat = format
        }
        reader.section = nil
    }
}

extension PluginsConfiguration {
    /// The keys that a running server does not take over, as far as they differ.
    public func keysThatWaitForRestart(since other: PluginsConfiguration) -> [String] {
        var keys: [String] = []
        if defaultHub != other.defaultHub { keys.append("default_hub") }
        if publicName != other.publicName { keys.append("public_name") }
        if logFormat != other.logFormat { keys.append("log.format") }
        if keptVerifiers != other.keptVerifiers { keys.append("passwords.keep") }
        return keys
    }
}

/// Reads values and knows where they stand.
private struct SectionReader {
    let file: String
    let lines: KeyLines
    var section: String?

    init(file: String, lines: KeyLines) {
        self.file = file
        self.lines = lines
    }

    func fault(_ key: String, _ what: String) -> ModuleFault {
        let line = lines[key, section]
        let name = section.map { key == $0 ? "[\($0)]" : "[\($0)] \(key)" } ?? key
        return .configuration("\(file):\(line): \(name) \(what)")
    }

    func string(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault) -> String {
        guard let string = value.string else { throw fault(key, "must be a string") }
        return string
    }

    /// One string, or a list of them.
    func strings(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault) -> [String] {
        guard let array = value.array else { return [try string(value, key)] }
        return try array.map { (value) throws(ModuleFault) in try string(value, key) }
    }

    func version(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault) -> TLSVersion {
        let text = try string(value, key)
        guard let version = TLSVersion(rawValue: text) else {
            let known = TLSVersion.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw fault(key, "is \"\(text)\"; accepted are \(known)")
        }
        return version
    }

    func table(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault) -> TOMLTable {
        guard let table = value.table else {
            throw fault(
                key,
                "is not known; accepted are default_hub, public_name, [tls], [log], [passwords] "
                    + "and a section for each module"
            )
        }
        return table
    }

    mutating func module(_ value: any TOMLValueConvertible, _ name: String) throws(ModuleFault)
        -> PluginsConfiguration.ModuleSection
    {
        let table = try table(value, name)
        section = name
        defer { section = nil }
        var made = PluginsConfiguration.ModuleSection(name: name, library: "", options: [:], lines: [:])
        for key in table.keys {
            guard let value = table[key] else { continue }
            made.lines[key] = lines[key, name]
            switch key {
            case "library": made.library = try string(value, key)
            case "listen": made.listen = try listeners(value, key)
            default: made.options[key] = try option(value, key)
            }
        }
        guard !made.library.isEmpty else {
            throw fault(name, "has no library; accepted is the name of a module or the path of a library")
        }
        return made
    }

    private func listeners(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault)
        -> [ListenURL]
    {
        guard case .strings(let texts) = try option(value, key) else {
            throw fault(key, "must be a list of strings such as [\"udp://0.0.0.0:1194\"]")
        }
        var urls: [ListenURL] = []
        for text in texts {
            guard let url = ListenURL(text) else {
                throw fault(key, "has \"\(text)\"; accepted are \(ListenURL.accepted)")
            }
            urls.append(url)
        }
        return urls
    }

    private func option(_ value: any TOMLValueConvertible, _ key: String) throws(ModuleFault) -> OptionValue {
        if let string = value.string { return .string(string) }
        if let boolean = value.bool { return .boolean(boolean) }
        if let integer = value.int { return .integer(Int64(integer)) }
        if let array = value.array {
            let texts = array.compactMap { $0.string }
            if texts.count == array.count { return .strings(texts) }
        }
        throw fault(key, "must be a string, an integer, true or false, or a list of strings")
    }
}

/// On which line of a TOML text each key stands. The parser itself does not tell.
struct KeyLines {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var section = ""
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if trimmed.first == "[", let end = trimmed.firstIndex(of: "]") {
                section = trimmed[trimmed.index(after: trimmed.startIndex)..<end].filter {
                    $0 != " " && $0 != "\""
                }
                lines[section] = lines[section] ?? number + 1
            } else if let equals = trimmed.firstIndex(of: "=") {
                let key = trimmed[..<equals].filter { $0 != " " && $0 != "\t" && $0 != "\"" }
                lines[section + "\n" + key] = lines[section + "\n" + key] ?? number + 1
            }
        }
    }

    /// The line of a key in a section (nil: in front of all), else of the section of that name, else 1.
    subscript(key: String, section: String?) -> Int {
        lines[(section ?? "") + "\n" + key] ?? lines[section ?? key] ?? 1
    }
}
