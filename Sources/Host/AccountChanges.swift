import Accounts
import Policy
import Sessions

/// Makes the running server follow what changed in the accounts: hubs come and go, sessions of deleted or
/// refused users end, devices are set up anew.
struct AccountChanges: Sendable {
    let store: AccountStore
    let hubs: SessionHubs
    let hubLanes: [HubLane]
    let devices: HubDevices

    func apply(_ change: AccountChange) {
        switch change {
        case .hubCreated(let hub):
            hubs.add(hub.description)
            devices.update(hub)
        case .hubChanged(let hub):
            guard let known = try? store.hub(hub) else { return }
            if known.isEnabled { return renewPolicies(on: hub) }
            end("the hub was disabled") { $0.hub == hub.description }
        case .hubDeleted(let hub):
            // First, so that no session begins while the others end.
            hubs.remove(hub.description)
            end("the hub was deleted") { $0.hub == hub.description }
            devices.remove(hub)
        case .userDeleted(let hub, let user):
            end("the user was deleted") { $0.hub == hub.description && $0.user == user.description }
        case .userChanged(let hub, let user):
            renewPolicies(on: hub)
            guard let known = try? store.user(user, in: hub), let refusal = store.refusal(of: known),
                refusal != .unavailable
            else { return }
            end(refusal.rawValue) { $0.hub == hub.description && $0.user == user.description }
        case .groupChanged(let hub, _): renewPolicies(on: hub)
        case .userCreated: break
        case .bridgesChanged(let hub), .natChanged(let hub): devices.update(hub)
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

    private func end(_ sentence: String, where isDoomed: @escaping @Sendable (SessionSnapshot) -> Bool) {
        for hubLane in hubLanes {
            _ = hubLane.lane.performAndWait { _ in
                hubLane.closeSessions(reason: .administrator, sentence: sentence, where: isDoomed)
            }
        }
    }
}
