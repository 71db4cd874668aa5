import Accounts
import Journal
import Modules
import Synchronization

/// Looks whether the files of the server's certificates have changed, and has the new ones presented from
/// then on: a certificate that lives for weeks is renewed without a word to the server.
final class CertificateWatch: Sendable {
    private static let interval: Duration = .seconds(30)

    private struct State {
        var configuration: PluginsConfiguration
        var stamp: [String]
    }

    private let state: Mutex<State>
    private let store: AccountStore
    private let services: HostServices
    private let modules: ModuleRegistry
    private let journal: Journal

    init(
        _ configuration: PluginsConfiguration, store: AccountStore, services: HostServices,
        modules: ModuleRegistry, journal: Journal
    ) {
        state = Mutex(State(configuration: configuration, stamp: OwnCertificate.stamp(configuration)))
        self.store = store
        self.services = services
        self.modules = modules
        self.journal = journal
    }

    /// Looks from time to time, until the task is cancelled.
    func run() async {
        tellDoubts()
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            await look()
        }
    }

    /// Whether what another plugins.conf names can be presented.
    func check(_ configuration: PluginsConfiguration) throws {
        _ = try OwnCertificate.find(configuration, store: store, publicName: services.publicName).context()
    }

    /// plugins.conf was read again.
    func use(_ configuration: PluginsConfiguration) async {
        let isNew = state.withLock { state in
            let former = state.configuration
            state.configuration = configuration
            return former.certificateFiles != configuration.certificateFiles
                || former.keyFiles != configuration.keyFiles || former.oldestTLS != configuration.oldestTLS
        }
        await look(always: isNew)
    }

    /// What can be presented, but will not be accepted.
    private func tellDoubts() {
        let files = state.withLock { $0.configuration.certificateFiles }
        for doubt in (try? services.certificate.context())?.doubts ?? [] {
            journal.record(
                Event("certificate-doubtful", level: .warning)
                    .with("file", files.indices.contains(doubt.place) ? files[doubt.place] : nil)
                    .with("why", doubt.why))
        }
    }

    /// Files that cannot be used are logged, and what is presented stays; they are tried again when they
    /// change.
    private func look(always: Bool = false) async {
        let configuration = state.withLock { $0.configuration }
        let stamp = OwnCertificate.stamp(configuration)
        let hasChanged = state.withLock { state in
            defer { state.stamp = stamp }
            return state.stamp != stamp
        }
        guard hasChanged || always else { return }
        let former = services.certificate
        do {
            services.present(
                try OwnCertificate.find(configuration, store: store, publicName: services.publicName))
            try await modules.certificateChanged()
            journal.record(Event("certificate-changed"))
            tellDoubts()
        } catch {
            services.present(former)
            journal.record(Event("certificate-refused", level: .error).with("why", "\(error)"))
        }
    }
}
