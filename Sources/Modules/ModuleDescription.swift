import PluginABI

/// What a module's descriptor says about it, checked and copied.
public struct ModuleDescription: Sendable, Equatable {
    public let id: String
    public let name: String
    public let version: String
    public let vendor: String
    public let summary: String
    public let abi: (major: UInt16, minor: UInt16)
    public let isUnloadable: Bool
    public let defaultListeners: [String]

    /// Reads a descriptor, or says which field of it this server cannot accept.
    init(_ pointer: UnsafePointer<pa_descriptor_v1>) throws(ModuleFault) {
        // Magic and size stand first in every version, so they may be read before anything else is believed.
        let magic = unsafe UnsafeRawPointer(pointer).load(as: UInt32.self)
        guard magic == PA_MAGIC else {
            throw .descriptor(
                "its magic is \(hexadecimal(magic)), this server expects \(hexadecimal(PA_MAGIC))")
        }
        let size = unsafe UnsafeRawPointer(pointer).load(fromByteOffset: 4, as: UInt32.self)
        let major = unsafe UnsafeRawPointer(pointer).load(fromByteOffset: 8, as: UInt16.self)
        let minor = unsafe UnsafeRawPointer(pointer).load(fromByteOffset: 10, as: UInt16.self)
        guard major == PA_ABI_MAJOR, minor <= PA_ABI_MINOR else {
            throw .descriptor(
                "ABI \(major).\(minor), this server speaks \(PA_ABI_MAJOR).0 to "
                    + "\(PA_ABI_MAJOR).\(PA_ABI_MINOR)"
            )
        }
        let expected = unsafe MemoryLayout<pa_descriptor_v1>.size
        guard size == expected else {
            throw .descriptor("its size is \(size), this server expects \(expected)")
        }
        let raw = unsafe pointer.pointee
        abi = (major, minor)
        isUnloadable = unsafe raw.flags & PA_FLAG_UNLOADABLE != 0
        id = try unsafe Self.text(raw.id, "id")
        name = try unsafe Self.text(raw.name, "name")
        version = try unsafe Self.text(raw.version, "version")
        vendor = try unsafe Self.text(raw.vendor, "vendor")
        summary = try unsafe Self.text(raw.description, "description")
        guard unsafe raw.create != nil else { throw .descriptor("it has no create function") }
        defaultListeners = unsafe Self.list(raw.default_listeners)
    }

    private static func text(_ pointer: UnsafePointer<CChar>?, _ field: String) throws(ModuleFault) -> String
    {
        guard let pointer = unsafe pointer, unsafe pointer.pointee != 0 else {
            throw .descriptor("its \(field) is missing")
        }
        return unsafe String(cString: pointer)
    }

    private static func list(_ pointer: UnsafePointer<UnsafePointer<CChar>?>?) -> [String] {
        guard var next = unsafe pointer else { return [] }
        var texts: [String] = []
        while let text = unsafe next.pointee {
            unsafe texts.append(String(cString: text))
            unsafe next += 1
        }
        return texts
    }

    public static func == (a: Self, b: Self) -> Bool {
        a.id == b.id && a.version == b.version && a.abi == b.abi && a.name == b.name
    }
}

private func hexadecimal(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
