public import Foundation
import GRDB
import OpenSSL
import Synchronization

/// Hubs, users and all else that is state rather than configuration, in one SQLite file of the state
/// directory.
///
/// Every function is for any thread and blocks it, some for a flush of the disk: none is for a lane. What a
/// function that changes something has returned from is on the disk, also if the process is killed the next
/// moment. It ends no session: whoever keeps them observes the changes.
public final class AccountStore: Sendable {
    public static let fileName = "polyhub.sqlite"
    public static let maximumHubs = 4096
    public static let maximumUsersPerHub = 100_000
    public static let maximumNoteLength = 1000

    let pool: DatabasePool
    let box: SecretBox
    let now: @Sendable () -> Date
    let verifierKinds: Set<VerifierKind>
    let recentVerdicts: Mutex<RecentVerdicts>
    let unmatchable: PasswordHash
    private let observers = Mutex<(next: Int, all: [Int: @Sendable (AccountChange) -> Void])>((0, [:]))

    /// Opens the file, makes it if it is not there, and brings an older one up to date. The directory's claim
    /// is kept by the caller for as long as the store lives. Of passwords `verifiers` are kept besides their
    /// scrypt.
    public init(
        in directory: StateDirectory, verifiers: Set<VerifierKind> = Set(VerifierKind.allCases),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(AccountError) {
        self.now = now
        verifierKinds = verifiers
        box = SecretBox(key: try directory.secretKey())
        unmatchable = try PasswordHash.unmatchable()
        do { recentVerdicts = Mutex(try RecentVerdicts()) } catch { throw AccountError(error) }
        // SQLite gives its -wal and -shm files the mode of this one.
        let path = try directory.ownFile(Self.fileName)
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.label = "accounts"
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            // GRDB sets NORMAL, with which a power failure may take back what was acknowledged.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Schema.migrator.migrate(pool)
        } catch {
            throw AccountError(
                .storage,
                "\(path.quoted) cannot be used: \(error). A polyhub database of this or an older "
                    + "version is accepted")
        }
        try forgetVerifiers(except: verifiers)
    }

    /// Tells `observer` of each change, on the thread that made it, until the answer is released.
    public func observe(_ observer: @escaping @Sendable (AccountChange) -> Void) -> AccountObservation {
        let id = observers.withLock { observers in
            observers.next += 1
            observers.all[observers.next] = observer
            return observers.next
        }
        return AccountObservation { [weak self] in self?.observers.withLock { $0.all[id] = nil } }
    }

    // MARK: For the extensions

    func read<Result>(_ body: (Database) throws -> Result) throws(AccountError) -> Result {
        do { return try pool.read(body) } catch { throw Self.accountError(error) }
    }

    /// One transaction; the changes that `body` notes down are told after it.
    func write<Result>(
        _ body: (Database, inout [AccountChange]) throws -> Result
    ) throws(AccountError) -> Result {
        var changes: [AccountChange] = []
        let result: Result
        do { result = try pool.write { try body($0, &changes) } } catch { throw Self.accountError(error) }
        let listeners = observers.withLock { Array($0.all.values) }
        for change in changes {
            for listener in listeners { listener(change) }
        }
        return result
    }

    static func accountError(_ error: any Error) -> AccountError {
        switch error {
        case let error as AccountError: error
        case let error as OpenSSLError: AccountError(error)
        default: AccountError(.storage, "the database refuses: \(error)")
        }
    }
}
