import Accounts
import Foundation
import Lanes
import Modules
import OpenSSL

/// The certificate that the server presents: files that plugins.conf names, or one that it makes for itself
/// and keeps, signed by an authority of its own, so that profiles can carry the authority and the certificate
/// can be renewed.
enum OwnCertificate {
    private static let years = 365 * 86_400

    static func find(
        _ configuration: PluginsConfiguration, store: AccountStore, publicName: String
    ) throws -> ServerCertificate {
        var certificate = try first(configuration, store, publicName)
        certificate.oldest = configuration.oldestTLS
        certificate.others = try zip(configuration.certificateFiles, configuration.keyFiles).dropFirst().map {
            TLSIdentity(
                chain: String(decoding: try read($0, "certificate"), as: UTF8.self),
                key: String(decoding: try read($1, "key"), as: UTF8.self))
        }
        return certificate
    }

    /// Changes with the files: their sizes and the times of their last change.
    static func stamp(_ configuration: PluginsConfiguration) -> [String] {
        (configuration.certificateFiles + configuration.keyFiles).map { path in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            let date = attributes?[.modificationDate] as? Date
            return "\(path) \(attributes?[.size] ?? 0) \(date?.timeIntervalSince1970 ?? 0)"
        }
    }

    private static func first(
        _ configuration: PluginsConfiguration, _ store: AccountStore, _ publicName: String
    ) throws -> ServerCertificate {
        if let certificate = configuration.certificateFiles.first, let key = configuration.keyFiles.first {
            let chain = try read(certificate, "certificate")
            return ServerCertificate(chain: chain, key: try read(key, "key"), trust: chain)
        }
        if let chain = try store.secret("tls/certificate"), let key = try store.secret("tls/key"),
            let trust = try store.secret("tls/authority"),
            try store.secret("tls/name") == Array(publicName.utf8)
        {
            return ServerCertificate(chain: chain, key: key, trust: trust)
        }
        return try make(store, publicName: publicName)
    }

    private static func make(_ store: AccountStore, publicName: String) throws -> ServerCertificate {
        let authority: CertificateMaker.Pair
        if let certificate = try store.secret("tls/authority"),
            let key = try store.secret("tls/authority-key")
        {
            authority = .init(
                certificate: String(decoding: certificate, as: UTF8.self),
                key: String(decoding: key, as: UTF8.self))
        } else {
            authority = try CertificateMaker.make(
                .authority, commonName: "Polyhub \(publicName)", signer: nil, validTo: 20 * years)
            try store.setSecret(Array(authority.key.utf8), "tls/authority-key")
            try store.setSecret(Array(authority.certificate.utf8), "tls/authority")
        }
        let server = try CertificateMaker.make(
            .server(names: [publicName]), commonName: publicName, signer: authority, validTo: 10 * years)
        try store.setSecret(Array(server.key.utf8), "tls/key")
        try store.setSecret(Array(server.certificate.utf8), "tls/certificate")
        try store.setSecret(Array(publicName.utf8), "tls/name")
        return ServerCertificate(
            chain: Array(server.certificate.utf8), key: Array(server.key.utf8),
            trust: Array(authority.certificate.utf8))
    }

    private static func read(_ path: String, _ what: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ModuleFault.configuration("[tls] \(what): \(path) cannot be read: a PEM file is accepted")
        }
        return [UInt8](data)
    }
}
