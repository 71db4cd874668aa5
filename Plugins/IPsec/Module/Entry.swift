import IPsecAdapter
public import PluginABI
import PluginKit

@c @implementation public func packet_adapter_entry() -> UnsafePointer<pa_descriptor_v1>? {
    unsafe ModuleEntry.descriptor(of: IPsecModule.self)
}
