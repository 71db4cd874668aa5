internal import CLibFFI
public import PluginABI
internal import Synchronization

/// Turns a `PacketAdapter` into what `packet_adapter_entry` returns. A module's entry file is
///
///     @c @implementation public func packet_adapter_entry() -> UnsafePointer<pa_descriptor_v1>? {
///         ModuleEntry.descriptor(of: MyModule.self)
///     }
public enum ModuleEntry {
    /// The C descriptor of `type`; the same one each time, alive as long as the process.
    public static func descriptor(of type: any PacketAdapter.Type) -> UnsafePointer<pa_descriptor_v1> {
        unsafe DescriptorTable.shared.descriptor(of: type)
    }
}

/// The descriptors that were asked for in this image. In a module it is one.
@safe private final class DescriptorTable: @unchecked Sendable {
    static let shared = DescriptorTable()

    private let lock = Mutex<[ObjectIdentifier: Entry]>([:])

    @safe private struct Entry: @unchecked Sendable {
        let descriptor: UnsafePointer<pa_descriptor_v1>
        let memory: CMemory
        let create: CFunction
    }

    func descriptor(of type: any PacketAdapter.Type) -> UnsafePointer<pa_descriptor_v1> {
        unsafe lock.withLock { entries in
            if let entry = entries[ObjectIdentifier(type)] { return unsafe entry.descriptor }
            let entry = Self.makeEntry(of: type)
            entries[ObjectIdentifier(type)] = entry
            return unsafe entry.descriptor
        }
    }

    private static func makeEntry(of type: any PacketAdapter.Type) -> Entry {
        let memory = CMemory()
        let create = unsafe CFunction(
            result: polyhub_ffi_sint32(), arguments: [polyhub_ffi_pointer(), polyhub_ffi_pointer()]
        ) { result, arguments in
            let host = unsafe arguments[0].load(as: UnsafePointer<pa_host_v1>?.self)
            let module = unsafe arguments[1].load(
                as: UnsafeMutablePointer<UnsafePointer<pa_module_v1>?>?.self)
            let status = unsafe ModuleInstance.create(type, host: host, module: module)
            unsafe result?.storeBytes(of: Int(status), as: Int.self)
        }
        return unsafe Entry(
            descriptor: memory.value(raw(type.descriptor, create: create, in: memory)), memory: memory,
            create: create)
    }

    private static func raw(
        _ descriptor: ModuleDescriptor, create: CFunction, in memory: CMemory
    ) -> pa_descriptor_v1 {
        var raw = unsafe pa_descriptor_v1()
        unsafe raw.magic = PA_MAGIC
        unsafe raw.size = UInt32(MemoryLayout<pa_descriptor_v1>.size)
        unsafe raw.abi_major = UInt16(PA_ABI_MAJOR)
        unsafe raw.abi_minor = UInt16(PA_ABI_MINOR)
        unsafe raw.id = memory.text(descriptor.id)
        unsafe raw.name = memory.text(descriptor.name)
        unsafe raw.version = memory.text(descriptor.version)
        unsafe raw.vendor = memory.text(descriptor.vendor)
        unsafe raw.description = memory.text(descriptor.summary)
        let listeners = unsafe descriptor.defaultListeners.map { unsafe Optional(memory.text($0)) } + [nil]
        unsafe raw.default_listeners = memory.array(listeners)
        unsafe raw.create = create.pointer()
        return unsafe raw
    }
}
