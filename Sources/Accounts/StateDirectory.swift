import Foundation
import OpenSSL

/// The directory that holds all that the server keeps: made for the owner alone, and claimed by one server at
/// a time for as long as this object lives.
public final class StateDirectory: Sendable {
    public let path: String
    private let lock: Int32

    /// Makes the directory if it is not there, and locks it.
    public init(claiming path: String) throws(AccountError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw AccountError(
                .storage, "\(path.quoted) cannot be made: a directory is accepted that this user may write to"
            )
        }
        lock = unsafe open(path + "/polyhub.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else {
            throw AccountError(.storage, "\(path.quoted) cannot be written to: \(reason(errno))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw AccountError(
                .exists, "another polyhubd runs on this state directory (\(path)): one at a time is accepted")
        }
    }

    deinit { close(lock) }

    public func file(_ name: String) -> String { path + "/" + name }

    /// The key that secrets are sealed under. It is made once, and is on the disk before anything is sealed
    /// with it.
    func secretKey() throws(AccountError) -> SecretBytes {
        let name = file("secret.key")
        let existing = FileManager.default.contents(atPath: name)
        if let existing {
            guard existing.count == SecretBox.keyLength else {
                throw AccountError(
                    .storage, "\(name.quoted) is not a key: \(SecretBox.keyLength) bytes are accepted")
            }
            _ = unsafe chmod(name, 0o600)
            return SecretBytes(copying: [UInt8](existing))
        }
        do {
            let key = try SecretBytes.random(count: SecretBox.keyLength)
            try write(key, durablyTo: name)
            return key
        } catch let error as OpenSSLError {
            throw AccountError(error)
        } catch {
            throw error as? AccountError ?? AccountError(.storage, "\(error)")
        }
    }

    /// A file that only the owner may read, empty if it was not there.
    func ownFile(_ name: String) throws(AccountError) -> String {
        let path = file(name)
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0, fchmod(descriptor, 0o600) == 0 else {
            throw AccountError(.storage, "\(path.quoted) cannot be opened: \(reason(errno))")
        }
        close(descriptor)
        return path
    }

    private func write(_ secret: SecretBytes, durablyTo name: String) throws(AccountError) {
        let temporary = name + ".new"
        _ = unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw AccountError(.storage, "\(temporary.quoted) cannot be made: \(reason(errno))")
        }
        let written = unsafe secret.bytes.withUnsafeBytes {
            unsafe Foundation.write(descriptor, $0.baseAddress, $0.count)
        }
        let isDurable = written == secret.count && fsync(descriptor) == 0
        close(descriptor)
        guard isDurable, unsafe rename(temporary, name) == 0, syncDirectory() else {
            throw AccountError(.storage, "\(name.quoted) cannot be written: \(reason(errno))")
        }
    }

    private func syncDirectory() -> Bool {
        let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return false }
        defer { close(directory) }
        return fsync(directory) == 0
    }
}

func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
