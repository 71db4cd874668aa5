import Testing

@testable import Modules

@Suite struct ConfigurationTests {
    @Test func `a whole file is read`() throws {
        let configuration = try PluginsConfiguration(
            text: """
                default_hub = "OFFICE"
                public_name = "vpn.example.org"
                [log]
                format = "json"
                [tls]
                certificate = ["a.pem", "b.pem"]
                key = ["a.key", "b.key"]
                oldest = "1.3"
                [passwords]
                keep = ["nt-hash"]
                [openvpn]
                library = "OpenVPN"
                listen = ["udp://0.0.0.0:1194", "tcp://[::]:1194"]
                ping = 10
                redirect-gateway = true
                dns = ["192.0.2.1"]
                [other]
                library = "/opt/other.so"
                """, file: "plugins.conf")
        #expect(configuration.defaultHub == "OFFICE")
        #expect(configuration.publicName == "vpn.example.org")
        #expect(configuration.logFormat == .json)
        #expect(configuration.certificateFiles == ["a.pem", "b.pem"])
        #expect(configuration.keyFiles == ["a.key", "b.key"])
        #expect(configuration.oldestTLS == .tls13)
        #expect(configuration.keptVerifiers == ["nt-hash"])
        #expect(configuration.modules.map(\.name) == ["openvpn", "other"])
        let openvpn = configuration.modules[0]
        #expect(openvpn.listen?.map(\.description) == ["udp://0.0.0.0:1194", "tcp://[::]:1194"])
        #expect(
            openvpn.options == [
                "ping": .integer(10), "redirect-gateway": .boolean(true), "dns": .strings(["192.0.2.1"]),
            ])
        #expect(configuration.modules[1].listen == nil)
    }

    @Test(arguments: [
        (
            "wrong = 1",
            "c:1: wrong is not known; accepted are default_hub, public_name, [tls], [log], [passwords] "
                + "and a section for each module"
        ),
        ("default_hub = 7", "c:1: default_hub must be a string"),
        (
            "\n[x]\nlisten = []",
            "c:2: [x] has no library; accepted is the name of a module or the path of a library"
        ),
        (
            "[x]\nlibrary = \"X\"\nlisten = [\"udp:/1\"]",
            "c:3: [x] listen has \"udp:/1\"; accepted are \(ListenURL.accepted)"
        ),
        (
            "[x]\nlibrary = \"X\"\nlisten = \"udp://1:1\"",
            "c:3: [x] listen must be a list of strings such as [\"udp://0.0.0.0:1194\"]"
        ),
        (
            "[tls]\nkey = \"a\"",
            "c:1: [tls] names only one of certificate and key; both are needed, or none"
        ),
        (
            "[tls]\ncertificate = [\"a\", \"b\"]\nkey = \"a\"",
            "c:1: [tls] has 2 certificates and 1 keys; one each is needed"
        ),
        (
            "[tls]\noldest = \"ssl3\"",
            "c:2: [tls] oldest is \"ssl3\"; accepted are \"1.0\", \"1.1\", \"1.2\", \"1.3\""
        ),
        (
            "[passwords]\nkeep = true",
            "c:2: [passwords] keep is not accepted here; accepted is keep, a list of strings"
        ),
        (
            "[log]\nformat = \"xml\"",
            "c:2: [log] format is not accepted here; accepted is format = \"text\" or \"json\""
        ),
        (
            "[x]\nlibrary = \"X\"\n\na = 1.5",
            "c:4: [x] a must be a string, an integer, true or false, or a list of strings"
        ),
    ]) func `a fault names file, line, key and what is accepted`(text: String, sentence: String) {
        #expect(throws: ModuleFault.configuration(sentence)) {
            try PluginsConfiguration(text: text, file: "c")
        }
    }

    @Test(arguments: [
        "udp://0.0.0.0", "udp://:1", "udp://1.2.3.4:65536", "ftp://1.2.3.4:1", "1.2.3.4:1", "ip://1.2.3.4:0",
        "ip://1.2.3.4:256", "", "://", "udp://[]:1",
    ]) func `is no listener`(text: String) { #expect(ListenURL(text) == nil) }
}
