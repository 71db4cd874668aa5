import OpenVPNCore
import PluginABI

/// The client's data channel, on owned bytes.
extension SimulatedClient {
    private static let room = 256

    static func seal(_ payload: [UInt8], _ data: DataChannel) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: room) + payload + [UInt8](repeating: 0, count: room)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = pa_slice_v1(
                start: buffer.baseAddress! + room, length: UInt32(payload.count), headroom: UInt16(room),
                tailroom: UInt16(room))
            guard data.seal(&slice) == nil else { return nil }
            return Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
    }

    func receiveData(_ bytes: [UInt8]) {
        guard let data else { return }
        var buffer = bytes
        let payload: [UInt8]? = buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = pa_slice_v1(
                start: buffer.baseAddress!, length: UInt32(buffer.count), headroom: 0, tailroom: 0)
            guard data.open(&slice) == .payload else { return nil }
            return Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
        if let payload { outputs.append(.received(payload)) }
    }
}
