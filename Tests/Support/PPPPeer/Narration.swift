import Wire

@testable import PPP

/// Frames as people speak of them.
package enum Narration {
    package static func line(_ frame: [UInt8], _ arrow: String) -> String {
        let said = words(frame)
        return arrow == "-->" ? "\(said) -->" : "<-- \(said)"
    }

    private static func words(_ frame: [UInt8]) -> String {
        guard let header = PPPHeader(frame.span.bytes) else { return "garbage" }
        let payload = Array(frame.dropFirst(header.length))
        guard let packet = try? ControlPacket(parsing: payload) else { return "malformed" }
        switch header.protocol {
        case .lcp: return "LCP \(code(packet))\(options(packet, lcp))"
        case .ipcp: return "IPCP \(code(packet))\(options(packet, ipcp))"
        case .pap: return "PAP \(["", "Request", "Ack", "Nak"][Int(packet.code.rawValue & 3)])"
        case .chap: return "CHAP \(chap(packet))"
        case .eap: return "EAP \(eap(payload))"
        default: return "\(String(header.protocol.rawValue, radix: 16)) \(code(packet))"
        }
    }

    private static func code(_ packet: ControlPacket) -> String {
        let names = [
            "?", "Request", "Ack", "Nak", "Reject", "Terminate", "Terminate-Ack", "Code-Reject",
            "Protocol-Reject", "Echo", "Echo-Reply", "Discard", "Identification", "Time-Remaining",
        ]
        return names[min(Int(packet.code.rawValue), names.count - 1)]
    }

    private static func options(_ packet: ControlPacket, _ name: (ConfigurationOption) -> String) -> String {
        guard (1...4).contains(packet.code.rawValue),
            let options = try? ConfigurationOption.list(parsing: packet.data)
        else { return "" }
        return options.map { " \(name($0))" }.joined()
    }

    private static func lcp(_ option: ConfigurationOption) -> String {
        switch option.type {
        case 1: "mru=\(option.value(UInt16.self) ?? 0)"
        case 3: AuthenticationMethod.asked(by: option)?.rawValue ?? "auth?"
        case 5: "magic"
        case 7: "pfc"
        case 8: "acfc"
        default: "option-\(option.type)"
        }
    }

    private static func ipcp(_ option: ConfigurationOption) -> String {
        let names: [UInt8: String] = [3: "address", 129: "dns1", 130: "wins1", 131: "dns2", 132: "wins2"]
        return "\(names[option.type] ?? "?")=\(IPv4Address(option.value(UInt32.self) ?? 0))"
    }

    private static func chap(_ packet: ControlPacket) -> String {
        let name = ["?", "Challenge", "Response", "Success", "Failure"][min(Int(packet.code.rawValue), 4)]
        guard packet.code == CHAPPacket.failure else { return name }
        let message = String(decoding: packet.data, as: UTF8.self)
        return "\(name) " + message.split(separator: " ").prefix(2).joined(separator: " ")
    }

    /// Of the content, only that there is some: it has random lengths.
    private static func tls(_ data: [UInt8]) -> String {
        guard let packet = try? EAPTLSPacket(parsing: data) else { return " malformed" }
        return (packet.isStart ? " start" : "") + (packet.data.isEmpty ? "" : " data")
            + (packet.hasMore ? " more" : "")
    }

    private static func eap(_ payload: [UInt8]) -> String {
        guard let packet = try? EAPPacket(parsing: payload) else { return "malformed" }
        let name = ["?", "Request", "Response", "Success", "Failure"][min(Int(packet.code.rawValue), 4)]
        switch packet.method {
        case .identity?: return "\(name) Identity"
        case .msCHAPv2?: return "\(name) MSCHAPv2 \(packet.data.first ?? 0)"
        case .tls?: return "\(name) TLS\(tls(packet.data))"
        case .nak?: return "\(name) Nak"
        default: return name
        }
    }
}
