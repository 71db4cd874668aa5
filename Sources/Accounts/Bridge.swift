/// A hub's port onto something of the machine that it runs on. A device belongs to one hub at most.
public struct Bridge: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A TAP device, made by the server.
        case tap
        /// A network interface that is there already.
        case interface

        /// Reads what a person wrote.
        public init(named name: String) throws(AccountError) {
            guard let kind = Kind(rawValue: name) else {
                throw AccountError(
                    .invalid,
                    "\(name.quoted) is no kind of bridge: "
                        + "\(Kind.allCases.map(\.rawValue).listed) are accepted"
                )
            }
            self = kind
        }
    }

    public let hub: HubName
    public let kind: Kind
    /// A name that Linux takes for a device: 1 to 15 bytes, no slash, no white space, not "." or "..".
    public let device: String

    public init(hub: HubName, kind: Kind, device: String) throws(AccountError) {
        let isName =
            (1...15).contains(device.utf8.count) && device != "." && device != ".."
            && device.utf8.allSatisfy {
                (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
            }
        guard isName else {
            throw AccountError(
                .invalid,
                "\(device.quoted) cannot be a device's name: 1 to 15 visible characters, "
                    + "none of them a slash or a colon, are accepted")
        }
        self.hub = hub
        self.kind = kind
        self.device = device
    }
}
