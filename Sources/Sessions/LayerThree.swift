import LayerConverter
import Hub
import PluginABI
import Wire
final class LayerThree { var mac: MACAddress? ; var lease: AddressLease? }
extension Session {
    func beginLayerThree(_ port: HubPort) {}
    func endLayerThree() {}
    func lift(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, to port: HubPort) {}
    func lower(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {}
}
