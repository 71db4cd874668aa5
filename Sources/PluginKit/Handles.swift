/// A listener for datagrams. The same on all lanes.
public struct SocketHandle: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One byte stream, on its lane.
public struct StreamHandle: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One client on a hub.
public struct SessionHandle: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A question that the host has not answered yet.
public struct Ticket: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Somebody whom the host has accepted; good for one session.
public struct IdentityHandle: Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A declared counter or gauge. One that the host does not keep swallows what is added to it.
public struct Metric: Hashable, Sendable {
    public let rawValue: UInt32
    public static let unkept = Metric(rawValue: .max)
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}
