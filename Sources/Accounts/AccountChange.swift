/// What has changed in the accounts; told after the change is on the disk.
public enum AccountChange: Hashable, Sendable {
    case hubCreated(HubName)
    /// Its settings; what is in it has changes of its own.
    case hubChanged(HubName)
    /// With all that was in it: nothing is told of its users one by one.
    case hubDeleted(HubName)
    case userCreated(HubName, UserName)
    /// Also when only the password is new.
    case userChanged(HubName, UserName)
    case userDeleted(HubName, UserName)
    case groupChanged(HubName, UserName)
    case bridgesChanged(HubName)
    case natChanged(HubName)
    /// Pre-shared keys, or whose they are.
    case peerKeysChanged
}

/// As long as it lives, the observer is told.
public final class AccountObservation: Sendable {
    private let cancel: @Sendable () -> Void
    init(cancel: @escaping @Sendable () -> Void) { self.cancel = cancel }
    deinit { cancel() }
}
