/// Why a client is refused, by the numbers that it turns into words.
public enum RefusalCode: UInt32, Error, Sendable {
    case protocolError = 4
    case authenticationTypeUnsupported = 7
    case hubNotFound = 8
    case authenticationFailed = 9
    case hubStopping = 10
    case sessionRemoved = 11
    case accessDenied = 12
    case sessionTimeout = 13
    case tooManyConnections = 15
    case hubBusy = 16
    case tooManyUserSessions = 20
    case notSupported = 33
    case notEnoughRights = 52
    case userWithoutPassword = 68
    case oldPasswordWrong = 69
    case serverCannotAccept = 105
    case monitorDenied = 107
    case bridgeDenied = 108

    var pack: Pack {
        var pack = Pack()
        pack.set("error", rawValue)
        return pack
    }
}
