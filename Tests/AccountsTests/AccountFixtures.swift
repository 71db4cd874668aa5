import Foundation
import Testing

@testable import Accounts

/// A state directory of its own for one test, removed when the test is over.
final class TemporaryState {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "polyhub-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(
        verifiers: Set<VerifierKind> = Set(VerifierKind.allCases),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws -> AccountStore {
        try AccountStore(in: StateDirectory(claiming: path), verifiers: verifiers, now: now)
    }
}

extension AccountStore {
    @discardableResult
    func createUser(_ name: String, _ hub: String, _ password: String?) throws -> User {
        let hub = try HubName(hub)
        let name = try UserName(name)
        var user = User(hub: hub, name: name)
        if password == nil { user.certificate = try CertificateIdentity(name.description) }
        try createUser(user, password: password.map { try ClearPassword($0) })
        return try self.user(name, in: hub)
    }

    func login(_ name: String, _ password: String, defaultHub: String = "DEFAULT") throws -> Verdict {
        authenticate(
            LoginAttempt(name: name, defaultHub: try HubName(defaultHub)),
            password: try ClearPassword(password))
    }
}

func mode(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? Int ?? -1) & 0o777
}

/// The sentence that `body` is refused with.
func sentence(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "accepted"
    } catch {
        return "\(error)"
    }
}
