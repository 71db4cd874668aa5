/// The name of a network interface that the kernel takes and that no tool misreads.
public struct InterfaceName: Hashable, Sendable {
    /// IFNAMSIZ with its NUL is 16.
    public static let maxLength = 15
    public let text: String

    public init(_ text: String) throws(BridgeError) {
        // "/"; ":" of old aliases; "%" of templates such as tap%d.
        let refused: Set<UInt8> = [0x2f, 0x3a, 0x25]
        guard (1...Self.maxLength).contains(text.utf8.count), text != ".", text != "..",
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !refused.contains($0) })
        else { throw .badInterfaceName(text) }
        self.text = text
    }
}
