public import ControlRequests

/// What the running server does for the control requests that are not about the accounts alone. The host
/// implements it; what it throws should be a `ControlError`, whose sentence is shown as it is.
///
/// `natEnable`, `natDisable`, `bridgeAdd` and `bridgeRemove` write the settings to the `AccountStore` as well
/// as putting them into effect: if that fails, nothing is written.
public protocol ServerRuntime: Sendable {
    func status() async throws -> StatusReport

    /// nil: of all hubs.
    func sessions(hub: String?) async throws -> [SessionRow]
    func disconnect(session id: String) async throws
    func macTable(hub: String) async throws -> [MACRow]
    func addresses(hub: String) async throws -> [AddressRow]

    func natEnable(_ request: NATEnable) async throws -> NATReport
    func natDisable(hub: String) async throws
    /// nil if NAT was never enabled in the hub.
    func nat(hub: String) async throws -> NATReport?

    func bridgeAdd(_ request: BridgeAdd) async throws -> BridgeRow
    func bridgeRemove(_ request: BridgeRemove) async throws
    /// nil: of all hubs.
    func bridges(hub: String?) async throws -> [BridgeRow]

    func modules() async throws -> [ModuleRow]
    func load(module: String) async throws -> ModuleRow
    /// Returns once it is unloaded, or drains.
    func unload(module: String, drain: Duration) async throws
    /// `drain`: nil for the usual time.
    func swap(module: String, library: String, drain: Duration?) async throws -> SwapReport
    func call(module: String, command: String, arguments: [String]) async throws -> String
}
