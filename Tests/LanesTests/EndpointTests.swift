import Lanes
import Testing

@Suite struct EndpointTests {
    @Test(arguments: ["192.0.2.1:1194", "0.0.0.0:0", "[2001:db8::1]:443", "[::]:65535"])
    func `a numeric address is written as it was read`(text: String) throws {
        #expect(try #require(Endpoint(text)).description == text)
    }

    @Test(arguments: [
        "", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2:1", "2001:db8::1:443",
        "[2001:db8::1]",
        "[2001:db8::1:443", "host:443", "[::1%nowhere]:1", "192.0.2.1:-1",
    ])
    func `what is no numeric address with a port is refused`(text: String) {
        #expect(Endpoint(text) == nil)
    }
}
