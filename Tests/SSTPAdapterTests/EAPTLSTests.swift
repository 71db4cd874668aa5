import FakeHost
import Glibc
import PPPPeer
import PluginABI
import PluginKit
import SSTPAdapter
import Testing

@Suite struct EAPTLSTests {
    /// A file with the authorities of clients, for as long as `body` takes.
    private func withAuthorities(_ body: (FakeHost.FakeOption) throws -> Void) throws {
        var template = Array("/tmp/polyhub-sstp-client-ca-XXXXXX".utf8CString)
        let file = try #require(fdopen(mkstemp(&template), "w"))
        let path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
        fputs(PPPCertificates.authority.certificate, file)
        fclose(file)
        defer { unlink(path) }
        try body(.string(path))
    }

    @Test func `a client's certificate is the evidence, and its keys bind the call`() throws {
        try withAuthorities { authorities in
            let site = try Site(options: ["auth": .strings(["eap-tls"]), "client-ca": authorities]) {
                $0.peer.tls = PPPCertificates.client(PPPCertificates.alice)
            }
            defer { site.end() }
            let table = try site.module.table(PA_CERTIFICATE) as pa_certificate_module_v1
            #expect(table.changed(site.module.table.pointee.state) == PA_OK)
            #expect(site.run { site.client.peer.isUp })
            #expect(site.host.said().contains { $0.hasPrefix("ask 4 alice ") })
        }
    }

    @Test func `who shows a certificate that was not verified is not judged, and the log says why`() throws {
        try withAuthorities { authorities in
            let site = try Site(options: ["auth": .strings(["eap-tls"]), "client-ca": authorities]) {
                $0.peer.tls = PPPCertificates.client(PPPCertificates.stranger)
            }
            defer { site.end() }
            #expect(site.run { !site.host.closedStreams.isEmpty })
            let said = site.host.said()
            #expect(!said.contains { $0.hasPrefix("ask ") })
            #expect(said.contains { $0.contains("TLS with alice failed: unable to get local issuer") })
        }
    }

    @Test(arguments: [
        (nil, "auth has \"eap-tls\", which needs client-ca, the path of a PEM file"),
        ("/nowhere", "client-ca: /nowhere: No such file or directory"),
    ]) func `EAP-TLS is not begun without authorities`(path: String?, sentence: String) throws {
        let host = FakeHost()
        let module = try LoadedModule(ModuleEntry.descriptor(of: SSTPModule.self), in: host)
        defer { module.end() }
        host.options = ["auth": .strings(["eap-tls", "mschapv2"])]
        if let path { host.options["client-ca"] = .string(path) }
        host.takeDefaults(of: try module.table(PA_OPTION))
        #expect(module.start() == PA_ERROR_REFUSED)
        #expect(host.explained.joined() == sentence)
    }
}
