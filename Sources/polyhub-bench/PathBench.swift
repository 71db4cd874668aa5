import Hub
import OpenSSL
import OpenVPNCore
import PluginABI
import Policy
import Wire

/// The whole way inside: a data packet of one OpenVPN client is opened, forwarded, and sealed for another
/// one.
final class PathBench: PortSink {
    static let ciphers: [DataCipher] = [.aes256GCM, .aes128GCM, .chaCha20Poly1305]
    private static let octets = 1400

    private let lane = LaneSwitch(lane: 0, of: 1, crossing: NoCrossing())
    private let fromClient: DataChannel
    private let client: DataChannel
    private let toOther: DataChannel
    private var port: HubPort!
    private var sealed = 0
    private var turn: UInt64 = 0
    private let batch: FrameBatch

    init(_ cipher: DataCipher) throws {
        let keys = DataKeys(exported: SecretBytes(copying: (0..<DataKeys.length).map { UInt8($0 & 255) }))
        let suite = DataCipherSuite(cipher)
        fromClient = DataChannel(role: .server, peerID: 1)
        client = DataChannel(role: .client, peerID: 1)
        toOther = DataChannel(role: .server, peerID: 2)
        for channel in [fromClient, client, toOther] { try channel.install(keys, suite, as: .first) }
        let (source, destination) = (MACAddress(0x0200_0000_0001), MACAddress(0x0200_0000_0002))
        batch = FrameBatch(to: destination, from: source, octets: Self.octets)
        let hub = Hub(id: 1, name: "BENCH", key: 7)
        port = lane.attach(
            to: hub, needs: .init(), as: .client(.standard, owner: 1), sink: CountingSink())!
        let other = lane.attach(to: hub, needs: .init(headroom: 64, tailroom: 32), sink: self)!
        hub.table.learn(destination, on: other.number, at: 5)
    }

    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        for index in batch.indices {
            if unsafe toOther.seal(&batch[index]) == nil { sealed += 1 }
        }
    }

    /// What the client does to make a packet, which `forward` does too: to be subtracted.
    func sealAlone(_ count: Int) {
        for _ in 0..<count / FrameBatch.size {
            for index in 0..<FrameBatch.size {
                batch.renew(index)
                _ = unsafe client.seal(&batch.slices[index])
            }
        }
    }

    func forward(_ count: Int) {
        let before = sealed
        for _ in 0..<count / FrameBatch.size {
            turn += 1
            lane.beginTurn(turn, at: 5_000_000_000)
            for index in 0..<FrameBatch.size {
                batch.renew(index)
                _ = unsafe client.seal(&batch.slices[index])
                _ = unsafe fromClient.open(&batch.slices[index])
            }
            unsafe lane.receive(batch.slices, from: port)
            lane.flush()
        }
        precondition(
            sealed - before == count / FrameBatch.size * FrameBatch.size, "every packet is forwarded")
    }
}
