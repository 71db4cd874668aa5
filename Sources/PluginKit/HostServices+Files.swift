import Glibc

extension HostServices {
    /// Octets of the largest file that is read.
    private static let maxFile = 1 << 20

    /// [control] The text of the file that an option names, its first MiB; nil where the option is left out.
    /// A file that cannot be read is a `ModuleFailure` that names both.
    public func fileText(_ key: String) throws -> String? {
        guard let path = try string(key) else { return nil }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw ModuleFailure("\(key): \(path): \(unsafe String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var content = [UInt8](repeating: 0, count: Self.maxFile)
        var filled = 0
        while filled < content.count {
            let count = unsafe content.withUnsafeMutableBytes { buffer in
                unsafe read(file, buffer.baseAddress! + filled, buffer.count - filled)
            }
            guard count > 0 else { break }
            filled += count
        }
        return String(decoding: content[..<filled], as: UTF8.self)
    }
}
