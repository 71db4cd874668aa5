import ControlRequests
import Foundation
import Journal

/// Writes into the server's log what an administrator has changed, or was refused, and when settings were
/// exported, which holds secrets. Of the parameters only names are written.
struct AdministrationLog: Sendable {
    /// What only looks, and the pieces of an `apply` that follows.
    private static let silent: Set<String> = [ApplyPiece.method, LogTail.method, Status.method]
    private static let silentEndings = [".list", ".show"]

    let journal: Journal

    /// The names in a request's parameters.
    private struct Subject: Decodable {
        struct Names: Decodable {
            let hub: String?
            let user: String?
            let group: String?
            let module: String?
            let library: String?
            let command: String?
            let device: String?
            let id: String?
        }
        let params: Names?
    }

    func record(_ method: String, _ line: [UInt8], _ failure: ControlError?) {
        guard !Self.silent.contains(method), !Self.silentEndings.contains(where: method.hasSuffix) else {
            return
        }
        let names = try? JSONDecoder().decode(Subject.self, from: Data(line)).params
        journal.record(
            Event("administration", level: failure == nil ? .info : .warning).with("method", method)
                .with("hub", names?.hub).with("user", names?.user).with("group", names?.group)
                .with("module", names?.module).with("library", names?.library)
                .with("command", names?.command).with("device", names?.device).with("id", names?.id)
                .with("why", failure?.message))
    }
}
