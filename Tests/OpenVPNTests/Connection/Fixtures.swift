import OpenVPNCore
import OpenVPNTestClient

extension ServerOptions {
    static func test(_ change: (inout ServerOptions) -> Void = { _ in }) -> ServerOptions {
        var options = ServerOptions(identity: TestCertificates.server)
        change(&options)
        return options
    }
}
