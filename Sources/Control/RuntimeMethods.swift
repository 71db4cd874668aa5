import Accounts
import ControlRequests
import Foundation
import Journal

func sessionMethods(_ runtime: any ServerRuntime) -> [ControlMethod] {
    [
        ControlMethod(SessionList.self) { try await runtime.sessions(hub: $0.hub) },
        ControlMethod(SessionDisconnect.self) { request in
            try await runtime.disconnect(session: request.id)
            return Done()
        },
        ControlMethod(MACList.self) { try await runtime.macTable(hub: $0.hub) },
        ControlMethod(AddressList.self) { try await runtime.addresses(hub: $0.hub) },
    ]
}

func networkMethods(_ store: AccountStore, _ runtime: any ServerRuntime) -> [ControlMethod] {
    [
        ControlMethod(NATEnable.self) { request in
            _ = try store.hub(HubName(request.hub))
            _ = try request.network.map { try RouterNetwork($0) }
            _ = try request.engine.map { try NATSettings.Engine(named: $0) }
            return try await runtime.natEnable(request)
        },
        ControlMethod(NATDisable.self) { request in
            _ = try store.hub(HubName(request.hub))
            try await runtime.natDisable(hub: request.hub)
            return Done()
        },
        ControlMethod(NATShow.self) { request in
            let hub = try store.hub(HubName(request.hub)).name
            guard let report = try await runtime.nat(hub: hub.description) else {
                throw ControlError(
                    .unknown, "hub \(hub) has no NAT: `nat enable \(hub)` gives it one")
            }
            return report
        },
        ControlMethod(BridgeAdd.self) { request in
            let kind = try Bridge.Kind(named: request.kind)
            let hub = try store.hub(HubName(request.hub)).name
            _ = try Bridge(hub: hub, kind: kind, device: request.device)
            return try await runtime.bridgeAdd(request)
        },
        ControlMethod(BridgeRemove.self) { request in
            _ = try store.hub(HubName(request.hub))
            try await runtime.bridgeRemove(request)
            return Done()
        },
        ControlMethod(BridgeList.self) { request in
            if let hub = request.hub { _ = try store.hub(HubName(hub)) }
            return try await runtime.bridges(hub: request.hub)
        },
    ]
}

func moduleMethods(_ runtime: any ServerRuntime) -> [ControlMethod] {
    [
        ControlMethod(ModuleList.self) { _ in try await runtime.modules() },
        ControlMethod(ModuleLoad.self) { try await runtime.load(module: $0.module) },
        ControlMethod(ModuleUnload.self) { request in
            let drain = try drainTime(request.drainSeconds) ?? .zero
            try await runtime.unload(module: request.module, drain: drain)
            return Done()
        },
        ControlMethod(ModuleSwap.self) { request in
            let drain = try drainTime(request.drainSeconds)
            return try await runtime.swap(module: request.module, library: request.library, drain: drain)
        },
        ControlMethod(ModuleCall.self) { request in
            CommandOutput(
                output: try await runtime.call(
                    module: request.module, command: request.command, arguments: request.arguments))
        },
    ]
}

func serverMethods(
    _ store: AccountStore, _ journal: Journal, _ runtime: any ServerRuntime
) -> [ControlMethod] {
    [
        ControlMethod(Status.self) { _ in
            var report = try await runtime.status()
            report.hubs = try store.hubs().count
            report.logDropped = journal.dropped
            return report
        },
        ControlMethod(Export.self) { _ in Document(text: try store.export()) },
        ControlMethod(ApplyPiece.self) { request, connection in
            try connection.append(request.text)
            return (Done(), nil)
        },
        ControlMethod(Apply.self) { _, connection in
            let changes = try store.apply(connection.takeDocument())
            let report = ApplyReport(
                created: changes.created, changed: changes.changed, deleted: changes.deleted)
            return (report, nil)
        },
        ControlMethod(LogTail.self) { request, _ in
            let lines = min(max(request.lines ?? 20, 0), LogTail.maximumLines)
            let log = try request.hub.map {
                Journal.Log.security(hub: try store.hub(HubName($0)).name.description)
            }
            let (last, following) = await journal.tail(
                log ?? .server, lines: lines, following: request.follow == true)
            return (LogLines(lines: last), following)
        },
    ]
}

private func drainTime(_ seconds: Int?) throws(ControlError) -> Duration? {
    guard let seconds else { return nil }
    guard (0...86_400).contains(seconds) else {
        throw ControlError(.invalid, "\(seconds) seconds cannot be waited: 0 to 86400 are accepted")
    }
    return .seconds(seconds)
}
