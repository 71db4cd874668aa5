import OpenVPNCore

/// The network's story: `HARD_RESET_CLIENT_V2 -->`, `<-- HARD_RESET_SERVER_V2`.
extension SimulatedNetwork {
    func note(_ line: @autoclosure () -> String) {
        if narrates { narration.append(line()) }
    }

    func narrate(_ packet: [UInt8], fromClient: Bool) {
        guard narrates, let first = packet.first, let opcode = Opcode(firstOctet: first) else { return }
        let name = "\(Self.name(opcode)) \(first & 7)"
        narration.append(fromClient ? "\(name) -->" : "<-- \(name)")
    }

    private static func name(_ opcode: Opcode) -> String {
        switch opcode {
        case .softReset: "SOFT_RESET"
        case .control: "CONTROL"
        case .acknowledgement: "ACK"
        case .dataV1: "DATA_V1"
        case .hardResetClientV2: "HARD_RESET_CLIENT_V2"
        case .hardResetServerV2: "HARD_RESET_SERVER_V2"
        case .dataV2: "DATA_V2"
        case .hardResetClientV3: "HARD_RESET_CLIENT_V3"
        case .controlWKc: "CONTROL_WKC"
        }
    }

    static func words(_ output: SimulatedClient.Output) -> String {
        switch output {
        case .send: "a packet"
        case .connected: "connected"
        case .received(let payload): "received \(payload.count) octets"
        case .ended(let reason): "ended, \(reason)"
        case .renewed(let keyID): "renewed, key \(keyID.rawValue)"
        }
    }
}
