import OpenVPNCore
import PluginKit
import Wire

extension EndReason {
    /// Reasons that this side does not know are the administrator's.
    init(_ reason: SessionReason) { self = EndReason(rawValue: reason.rawValue) ?? .administrator }
}

extension HostServices.Level {
    init(_ level: LogEvent.Level) {
        self =
            switch level {
            case .debug: .debug
            case .notice, .security: .info
            case .warning: .warn
            }
    }
}

extension PushReply.Subnet {
    /// `prefix` longer than an address counts as 32.
    init(_ address: IPv4Address, prefix: Int) {
        let length = min(max(prefix, 0), 32)
        self.init(address, mask: IPv4Address(length == 0 ? 0 : UInt32.max << UInt32(32 - length)))
    }

    /// "10.0.0.0/8", or an address alone.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPv4Address(first), parts.count <= 2 else { return nil }
        guard parts.count == 2 else {
            self.init(address, prefix: 32)
            return
        }
        guard let prefix = Int(parts[1]), (0...32).contains(prefix) else { return nil }
        let subnet = PushReply.Subnet(address, prefix: prefix)
        guard address.bits & ~subnet.mask.bits == 0 else { return nil }
        self = subnet
    }
}
