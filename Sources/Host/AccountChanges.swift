import Accounts
import Foundation
import Lanes
import Policy
import Sessions

/// Makes the running server follow what changed in the accounts: hubs come and go, sessions of deleted,
/// refused or expired users end, devices are set up anew.
struct AccountChanges: Sendable {
    let store: AccountStore
    let hubs: SessionHubs
    let hubLanes: [HubLane]
    let devices: HubDevices
    var peerKeysChanged: @Sendable () -> Void = {}
    /// Returns when it is time to look again.
    var pause: @Sendable () async -> Void = { try? await Task.sleep(for: .seconds(5)) }

    func apply(_ change: AccountChange) {
        switch change {
        case .hubCreated(let hub):
            hubs.add(hub.description)
            devices.update(hub)
        case .hubChanged(let hub):
            endIfDisabled(hub)
            renewPolicies(on: hub)
            Task { await endLatecomers(in: hub) }
        case .hubDeleted(let hub):
            // First, so that no session begins while the others end.
            hubs.remove(hub.description)
            hubLanes.end(.administrator, "the hub was deleted") { $0.isOn(hub) }
            devices.remove(hub)
        case .userDeleted(let hub, let user):
            devices.reserveAddresses(in: hub)
            end(user, in: hub, Self.deleted)
            Task { await endLatecomers(user, in: hub) }
        case .userChanged(let hub, let user):
            devices.reserveAddresses(in: hub)
            renewPolicies(on: hub)
            endIfRefused(user, in: hub)
            Task { await endLatecomers(user, in: hub) }
        case .groupChanged(let hub, _): renewPolicies(on: hub)
        case .userCreated(let hub, _): devices.reserveAddresses(in: hub)
        case .bridgesChanged(let hub), .natChanged(let hub): devices.update(hub)
        case .peerKeysChanged: peerKeysChanged()
        }
    }

    /// What is said of users, groups and hubs counts for sessions that are there already.
    private func renewPolicies(on hub: HubName) {
        for hubLane in hubLanes {
            let users = hubLane.lane.performAndWait { _ in hubLane.users(on: hub.description) } ?? []
            var policies: [String: Policy] = [:]
            for user in users {
                guard let name = try? UserName(user) else { continue }
                policies[user] = try? store.policy(of: name, in: hub)
            }
            guard !policies.isEmpty else { continue }
            let renewed = policies
            hubLane.lane.performAndWait { _ in hubLane.setPolicies(renewed, on: hub.description) }
        }
    }

    /// Somebody may have been accepted just before, whose session was not there yet.
    private func endLatecomers(_ user: UserName, in hub: HubName) async {
        await pause()
        endIfRefused(user, in: hub)
    }

    private func endLatecomers(in hub: HubName) async {
        await pause()
        endIfDisabled(hub)
    }

    private func endIfDisabled(_ hub: HubName) {
        guard let known = try? store.hub(hub), !known.isEnabled else { return }
        hubLanes.end(.administrator, "the hub was disabled") { $0.isOn(hub) }
    }

    private func endIfRefused(_ user: UserName, in hub: HubName) {
        do {
            let refusal = store.refusal(of: try store.user(user, in: hub))
            if let refusal, refusal != .unavailable { end(user, in: hub, refusal.rawValue) }
        } catch  where error.kind == .unknown {
            end(user, in: hub, Self.deleted)
        } catch {
            // Who is connected stays so when nobody can tell.
        }
    }

    private static let deleted = "user deleted"
    /// How far back a look goes: over the time from a verdict to its session, and small steps of the clock.
    private static let lookback: TimeInterval = 120

    /// Ends the sessions of those whose account comes to its end while they are connected, until the task is
    /// cancelled. Nothing has changed then, so nobody is told.
    func watchExpiry() async {
        while !Task.isCancelled {
            await pause()
            let since = Date(timeIntervalSinceNow: -Self.lookback)
            for (hub, user) in (try? store.expired(since: since)) ?? [] {
                end(user, in: hub, Refusal.expired.rawValue)
            }
        }
    }

    private func end(_ user: UserName, in hub: HubName, _ sentence: String) {
        hubLanes.end(.authentication, sentence) {
            $0.isOn(hub) && (try? UserName($0.user)) == user
        }
    }
}

extension SessionSnapshot {
    /// By whatever spelling the hub was called when the session began.
    fileprivate func isOn(_ hub: HubName) -> Bool { (try? HubName(self.hub)) == hub }
}

extension [HubLane] {
    /// Ends the sessions that fit, on every lane. Returns how many there were. Not to be called on a lane.
    @discardableResult
    func end(
        _ reason: SessionReason, _ sentence: String,
        where isDoomed: @escaping @Sendable (SessionSnapshot) -> Bool
    ) -> Int {
        reduce(0) { count, hubLane in
            let ended = hubLane.lane.performAndWait { _ in
                hubLane.closeSessions(reason: reason, sentence: sentence, where: isDoomed)
            }
            return count + (ended ?? 0)
        }
    }
}
