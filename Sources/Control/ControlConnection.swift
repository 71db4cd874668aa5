import Accounts
import ControlRequests
import Synchronization

/// What the server keeps about one connection between its requests: the pieces of a document that is being
/// sent.
final class ControlConnection: Sendable {
    /// Bytes; some hundred thousand users.
    static let maximumDocument = 64 << 20

    private let document = Mutex("")

    func append(_ piece: String) throws(ControlError) {
        let isTaken = document.withLock { document in
            guard document.utf8.count + piece.utf8.count <= Self.maximumDocument else {
                document = ""
                return false
            }
            document += piece
            return true
        }
        guard isTaken else {
            throw ControlError(
                .invalid,
                "the document is longer than \(Self.maximumDocument) bytes, which is what is accepted")
        }
    }

    func takeDocument() -> String {
        document.withLock { document in
            defer { document = "" }
            return document
        }
    }
}
