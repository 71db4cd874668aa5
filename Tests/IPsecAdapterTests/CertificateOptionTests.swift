import FakeHost
import Foundation
import LabCertificates
import PluginABI
import PluginKit
import Testing

/// Option `ike-client-ca`.
@Suite struct CertificateOptionTests {
    /// A start with authorities in a file, where the server's certificate is this one; nil: there is no file.
    private func start(
        _ authorities: String?, chain: String = LabCertificates.server,
        key: String = LabCertificates.serverKey
    ) throws -> (status: pa_status, explained: [String]) {
        let path = NSTemporaryDirectory() + "ike-client-ca-\(UUID().uuidString).pem"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try authorities?.write(toFile: path, atomically: true, encoding: .utf8)
        let host = FakeHost()
        host.certificate = (chain: chain, key: key, trust: chain)
        let module = try LoadedModule(Site.descriptor, in: host)
        host.options = ["psk": .string("a secret of some length"), "ike-client-ca": .string(path)]
        host.takeDefaults(of: try module.table(PA_OPTION))
        return (module.start(), host.explained)
    }

    @Test func `a file of authorities and an RSA key are enough`() throws {
        let start = try start(LabCertificates.authority)
        #expect(start.status == PA_OK && start.explained.isEmpty)
    }

    @Test func `what cannot be is refused with what may be`() throws {
        for (authorities, chain, key, words) in [
            (nil, LabCertificates.server, LabCertificates.serverKey, "No such file"),
            ("nothing", LabCertificates.server, LabCertificates.serverKey, "a PEM file with certificates"),
            (
                LabCertificates.authority, LabCertificates.server, LabCertificates.peerKey,
                "not that of the cert"
            ),
            (LabCertificates.authority, "", LabCertificates.serverKey, "RSA key of 2048 to 4096 bits"),
        ] as [(String?, String, String, String)] {
            let start = try start(authorities, chain: chain, key: key)
            #expect(start.status != PA_OK)
            #expect(start.explained.contains { $0.contains("ike-client-ca") && $0.contains(words) })
        }
    }
}
