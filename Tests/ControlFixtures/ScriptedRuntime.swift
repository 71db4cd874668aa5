import Control
import ControlRequests

/// A runtime with one session and one module, which does what it is told.
struct ScriptedRuntime: ServerRuntime {
    static let session: SessionRow = {
        var row = SessionRow(
            id: "S1", hub: "Office", user: "alice", module: "openvpn", lane: 0, since: "2026-01-01T00:00:00Z")
        row.cipher = "AES-256-GCM"
        row.bytesIn = 12345
        return row
    }()
    static let module = ModuleRow(
        name: "openvpn", version: "1.0", library: "OpenVPN", state: "running",
        listeners: ["udp://0.0.0.0:1194"],
        sessions: 1)

    func status() async throws -> StatusReport {
        var report = StatusReport(version: "1.0", pid: 42, lanes: 2, since: "2026-01-01T00:00:00Z")
        report.metrics = ["openvpn.handshakes": 7]
        report.refusedCalls = 2
        return report
    }

    func sessions(hub: String?) async throws -> [SessionRow] {
        hub == nil || hub == "Office" ? [Self.session] : []
    }

    func disconnect(session id: String) async throws {
        guard id == "S1" else {
            throw ControlError(
                .unknown, "there is no session \"\(id)\": `session list` shows those that are accepted")
        }
    }

    func macTable(hub: String) async throws -> [MACRow] {
        [MACRow(mac: "02:00:00:00:00:01", session: "S1", ageSeconds: 3)]
    }

    func addresses(hub: String) async throws -> [AddressRow] {
        [AddressRow(address: "192.168.30.10", mac: "02:00:00:00:00:01", session: "S1", kind: .leased)]
    }

    func natEnable(_ request: NATEnable) async throws -> NATReport {
        NATReport(
            enabled: true, network: request.network ?? "192.168.30.1/24", engine: request.engine ?? "user",
            running: true)
    }

    func natDisable(hub: String) async throws {}
    func nat(hub: String) async throws -> NATReport? { nil }

    func bridgeAdd(_ request: BridgeAdd) async throws -> BridgeRow {
        BridgeRow(hub: request.hub, kind: request.kind, device: request.device, running: true)
    }

    func bridgeRemove(_ request: BridgeRemove) async throws {}
    func bridges(hub: String?) async throws -> [BridgeRow] { [] }

    func modules() async throws -> [ModuleRow] { [Self.module] }
    func load(module: String) async throws -> ModuleRow { Self.module }
    func unload(module: String, drain: Duration) async throws {}

    func swap(module: String, library: String, drain: Duration?) async throws -> SwapReport {
        SwapReport(
            module: module, from: "1", to: "2",
            lanes: [
                .init(lane: 0, carried: 1, draining: 0, pauses: 1, longestPauseMicroseconds: 250)
            ])
    }

    func call(module: String, command: String, arguments: [String]) async throws -> String {
        "\(module) \(command) \(arguments.joined(separator: " "))\n"
    }
}
