import Testing

@testable import LocalBridge

@Suite struct InterfaceNameTests {
    @Test(arguments: ["eth0", "tap-hub", "br0.100", "0123456789abcde"]) func `usual names are taken`(
        _ name: String
    )
        throws
    {
        #expect(try InterfaceName(name).text == name)
    }

    @Test(arguments: ["", "0123456789abcdef", "a/b", "eth0:1", "tap%d", "a b", ".", "..", "ü"])
    func `what the kernel or a tool would misread is refused`(_ name: String) {
        #expect(throws: BridgeError.badInterfaceName(name)) { try InterfaceName(name) }
    }
}
