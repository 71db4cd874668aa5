import Foundation
import Modules

/// With which section of plugins.conf the module is loaded.
struct Plan {
    /// TOML, by key.
    private var settings: [String: String] = [:]
    private let listen: [String]
    private let library: String
    let peers: [LoopbackPeer.Address]
    let seed: UInt64

    init(_ command: Modcheck, _ description: ModuleDescription) throws {
        library = URL(fileURLWithPath: command.library).path
        peers = command.peer.compactMap { LoopbackPeer.Address($0) }
        seed = command.seed
        for setting in command.settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            settings[String(parts[0])] = Self.toml(String(parts[1]))
        }
        if command.listen.isEmpty {
            listen = try description.defaultListeners.map(Self.onLoopback)
        } else {
            listen = command.listen
        }
    }

    func registry(_ host: ScratchHost, replacing key: String? = nil, by value: String = "") throws
        -> ModuleRegistry
    {
        ModuleRegistry(host.runtime, configuration: try configuration(replacing: key, by: value))
    }

    /// plugins.conf with one section.
    func configuration(replacing key: String? = nil, by value: String = "") throws -> PluginsConfiguration {
        var settings = settings
        if let key { settings[key] = value }
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
        let urls = listen.map(Self.quoted).joined(separator: ", ")
        let text =
            (["[\(Examination.section)]", "library = \(Self.quoted(library))", "listen = [\(urls)]"] + lines)
            .joined(separator: "\n")
        do { return try PluginsConfiguration(text: text, file: "plugins.conf") } catch {
            throw Unable("\(error)")
        }
    }

    /// A value that is no TOML by itself is meant as a string.
    private static func toml(_ value: String) -> String {
        let text = "[x]\nlibrary = \"x\"\nx = \(value)"
        return (try? PluginsConfiguration(text: text, file: "")) == nil ? quoted(value) : value
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
            + "\""
    }

    /// A default listener where nobody is disturbed: at 127.0.0.1, and at any free port.
    private static func onLoopback(_ url: String) throws -> String {
        guard let parsed = ListenURL(url) else {
            throw ModuleFault.descriptor("its default listener \"\(url)\" is malformed")
        }
        return "\(parsed.scheme.rawValue)://127.0.0.1:\(parsed.scheme == .ip ? parsed.port : 0)"
    }
}
