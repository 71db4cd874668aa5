public import Foundation
import OpenSSL
import PluginABI
import Synchronization

/// A module's library in memory.
///
/// It is copied to a private path that is named after its content before it is opened: the same path or inode
/// would give the mapping that is there already. An image is unmapped only when its descriptor says that it
/// can be, and a Swift image never says so.
@safe public final class ModuleImage: @unchecked Sendable {
    public let description: ModuleDescription
    /// Where the administrator's library lies.
    public let source: String
    let descriptor: UnsafePointer<pa_descriptor_v1>
    private let handle: UnsafeMutableRawPointer
    private let copy: URL
    private let isLoaded = Atomic(true)

    /// The largest library that is accepted, in octets.
    private static let maxOctets = 256 << 20

    /// - Parameters:
    ///   - path: the library.
    ///   - directory: for the private copies; made if missing, mode 0700.
    public init(path: String, copiesIn directory: URL) throws(ModuleFault) {
        source = path
        copy = try Self.privateCopy(of: path, in: directory)
        guard let handle = unsafe dlopen(copy.path, RTLD_NOW | RTLD_LOCAL) else {
            let why = Self.linkerMessage
            try? FileManager.default.removeItem(at: copy)
            throw .library("\(path) cannot be loaded: \(why)")
        }
        do throws(ModuleFault) {
            let descriptor = try unsafe Self.entry(of: handle, path: path)
            description = try unsafe ModuleDescription(descriptor)
            unsafe self.descriptor = descriptor
        } catch {
            // A Swift image says nodelete to the linker, so this frees only what can be freed.
            unsafe dlclose(handle)
            try? FileManager.default.removeItem(at: copy)
            throw error
        }
        unsafe self.handle = handle
    }

    deinit { unload() }

    /// Unmaps what can be unmapped and removes the private copy. Nothing of the module may be called any
    /// more.
    func unload() {
        guard isLoaded.exchange(false, ordering: .relaxed) else { return }
        if description.isUnloadable { unsafe dlclose(handle) }
        try? FileManager.default.removeItem(at: copy)
    }

    private static func entry(of handle: UnsafeMutableRawPointer, path: String) throws(ModuleFault)
        -> UnsafePointer<pa_descriptor_v1>
    {
        guard let symbol = unsafe dlsym(handle, "packet_adapter_entry") else {
            throw .library("\(path) is no module: it does not export packet_adapter_entry")
        }
        typealias Entry = @convention(c) () -> UnsafePointer<pa_descriptor_v1>?
        guard let descriptor = unsafe unsafeBitCast(symbol, to: Entry.self)() else {
            throw .library("\(path) is no module: packet_adapter_entry returned nothing")
        }
        return unsafe descriptor
    }

    private static func privateCopy(of path: String, in directory: URL) throws(ModuleFault) -> URL {
        guard let file = FileManager.default.contents(atPath: path) else {
            throw .library("\(path) cannot be read: no such file, or no permission")
        }
        guard file.count <= maxOctets else {
            throw .library("\(path) has \(file.count) octets; at most \(maxOctets) are accepted")
        }
        do {
            let digest = try DigestAlgorithm.sha256.hash([UInt8](file))
            let name = digest.prefix(16).map { String($0, radix: 16) }.joined()
            try FileManager.default.createDirectory(
                at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            // A new file each time: a new inode, so that loading the same content twice gives two images.
            let copy = directory.appendingPathComponent("\(name)-\(UUID().uuidString).so")
            try file.write(to: copy)
            return copy
        } catch {
            throw .library("\(path) cannot be copied to \(directory.path): \(error)")
        }
    }

    private static var linkerMessage: String {
        guard let message = unsafe dlerror() else { return "the linker does not say why" }
        return unsafe String(cString: message)
    }
}
