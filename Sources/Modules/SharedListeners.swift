import Lanes
import PluginABI

/// The stream listeners of all modules. A port is opened once and shared: a new stream belongs to the first
/// module that claims its first octets, in the order in which the modules came.
///
/// Confined to the control queue.
final class SharedListeners: @unchecked Sendable {
    private struct Entry {
        let listener: StreamListener
        /// By the name of the module.
        var candidates: [(owner: String, candidate: StreamCandidate)]
    }

    private let group: LaneGroup
    private let services: any ModuleServices
    private var entries: [ListenURL: Entry] = [:]

    init(_ group: LaneGroup, services: any ModuleServices) {
        self.group = group
        self.services = services
    }

    /// Adds a module to the listener of that URL, which is opened if it is the first. Gives the bound
    /// address.
    func add(_ instance: ModuleInstance, at url: ListenURL) throws -> Endpoint {
        let candidate = Self.candidate(for: instance)
        if var entry = entries[url] {
            entry.candidates.append((instance.name, candidate))
            entries[url] = entry
            entry.listener.setCandidates(entry.candidates.map(\.candidate))
            return entry.listener.local
        }
        guard let endpoint = Endpoint(host: url.address, port: url.port) else {
            throw ModuleFault.configuration("\"\(url.address)\" is no numeric address")
        }
        let options = StreamOptions(endpoint, tls: url.scheme == .tls ? try tlsContext() : nil)
        let listener = try group.listen(options, candidates: [candidate])
        entries[url] = Entry(listener: listener, candidates: [(instance.name, candidate)])
        return listener.local
    }

    /// Takes a module away from a listener, which closes when nobody is left at it.
    func remove(_ instance: ModuleInstance, at url: ListenURL) {
        guard var entry = entries[url] else { return }
        entry.candidates.removeAll { $0.owner == instance.name }
        if entry.candidates.isEmpty {
            entry.listener.close()
            entries[url] = nil
        } else {
            entry.listener.setCandidates(entry.candidates.map(\.candidate))
            entries[url] = entry
        }
    }

    private func tlsContext() throws -> TLSServerContext {
        try TLSServerContext(
            certificateChainPEM: String(decoding: services.certificate.chain, as: UTF8.self),
            privateKeyPEM: String(decoding: services.certificate.key, as: UTF8.self))
    }

    private static func candidate(for instance: ModuleInstance) -> StreamCandidate {
        let seats = instance.seats
        return unsafe StreamCandidate(
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
