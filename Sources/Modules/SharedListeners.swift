import Lanes
import PluginABI

/// The stream listeners of all modules. A port is opened once and shared, also between TLS and what comes
/// without: a new stream belongs to the first module that claims its first octets, in the order in which the
/// modules came. Who speaks TLS and is claimed by nobody gets a web server's answer.
///
/// Confined to the control queue.
final class SharedListeners: @unchecked Sendable {
    /// Where a listener is bound. One that takes any free port is its module's and its scheme's alone.
    private struct Place: Hashable {
        let address: String
        let port: UInt16
        let scheme: ListenURL.Scheme?
        let owner: String?

        init(_ url: ListenURL, of instance: ModuleInstance) {
            address = url.address
            port = url.port
            scheme = url.port == 0 ? url.scheme : nil
            owner = url.port == 0 ? instance.name : nil
        }
    }

    private struct Claimant {
        /// The name of a module.
        let owner: String
        let scheme: ListenURL.Scheme
        let candidate: StreamCandidate
    }

    private struct Entry {
        let listener: StreamListener
        var claimants: [Claimant]

        func has(_ scheme: ListenURL.Scheme) -> Bool { claimants.contains { $0.scheme == scheme } }
        var candidates: [StreamCandidate] {
            claimants.map(\.candidate) + (has(.tls) ? [WebAnswer.candidate] : [])
        }
    }

    private let group: LaneGroup
    private let services: any ModuleServices
    private var entries: [Place: Entry] = [:]

    init(_ group: LaneGroup, services: any ModuleServices) {
        self.group = group
        self.services = services
    }

    /// Adds a module to the listener of that URL, which is opened if it is the first. Gives the bound
    /// address.
    func add(_ instance: ModuleInstance, at url: ListenURL) throws -> Endpoint {
        let claimant = Claimant(
            owner: instance.name, scheme: url.scheme, candidate: Self.candidate(for: instance, url.scheme))
        let tls = url.scheme == .tls ? try tlsContext() : nil
        let place = Place(url, of: instance)
        if var entry = entries[place] {
            entry.claimants.append(claimant)
            entries[place] = entry
            try update(entry)
            return entry.listener.local
        }
        guard let endpoint = Endpoint(host: url.address, port: url.port) else {
            throw ModuleFault.configuration("\"\(url.address)\" is no numeric address")
        }
        let claimants = [claimant]
        let candidates = claimants.map(\.candidate) + (tls == nil ? [] : [WebAnswer.candidate])
        let listener = try group.listen(StreamOptions(endpoint, tls: tls), candidates: candidates)
        entries[place] = Entry(listener: listener, claimants: claimants)
        return listener.local
    }

    /// Takes a module away from a listener, which closes when nobody is left at it.
    func remove(_ instance: ModuleInstance, at url: ListenURL) {
        let place = Place(url, of: instance)
        guard var entry = entries[place] else { return }
        entry.claimants.removeAll { $0.owner == instance.name && $0.scheme == url.scheme }
        entries[place] = entry.claimants.isEmpty ? nil : entry
        guard !entry.claimants.isEmpty else { return entry.listener.close() }
        // Where the certificate is not usable any more, the one that is presented already stays.
        try? update(entry)
    }

    /// New streams are shown the host's certificate as it is now.
    func certificateChanged() throws {
        for entry in entries.values where entry.has(.tls) { try update(entry) }
    }

    private func update(_ entry: Entry) throws {
        let tls = entry.has(.tls) ? try tlsContext() : nil
        entry.listener.setTLS(tls, acceptsPlain: entry.has(.tcp))
        entry.listener.setCandidates(entry.candidates)
    }

    private func tlsContext() throws -> TLSServerContext {
        try services.certificate.context()
    }

    private static func candidate(
        for instance: ModuleInstance, _ scheme: ListenURL.Scheme
    ) -> StreamCandidate {
        let seats = instance.seats
        return unsafe StreamCandidate(
            scheme == .tls ? .tls : .plain,
            claims: { first, stream in
                guard let owner = seats[stream.lane.index].current, owner.isOpen,
                    let table = unsafe owner.tables.stream
                else { return .no }
                return switch unsafe table.pointee.claim(owner.state, first.baseAddress, first.count) {
                case PA_CLAIM_YES: .yes
                case PA_CLAIM_MORE: .needMore(first.count + 1)
                default: .no
                }
            },
            accept: { stream in
                guard let owner = seats[stream.lane.index].current else {
                    preconditionFailure("who claims a stream takes it in the same turn")
                }
                return StreamPort(stream, on: owner, movedToken: 0)
            })
    }
}
