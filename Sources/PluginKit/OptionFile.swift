internal import Glibc

extension HostServices {
    /// Octets of the largest file that is read.
    private static let maxFile = 1 << 20

    /// [control] The content of the file whose path stands in option `key`; nil: there is no such option. A
    /// file that cannot be read is named in the error.
    public func content(ofFileIn key: String) throws -> [UInt8]? {
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
        return Array(content[..<filled])
    }
}
