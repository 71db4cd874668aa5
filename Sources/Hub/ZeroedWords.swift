#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An array that begins as zero and costs memory only where it is touched: pages straight from the system.
@safe struct ZeroedWords<Element: ~Copyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>
    private let octets: Int

    /// All zero bits must be a valid `Element`.
    init(count: Int) {
        octets = count * MemoryLayout<Element>.stride
        let map = unsafe mmap(nil, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let map = unsafe map, unsafe map != MAP_FAILED else {
            preconditionFailure("out of address space")
        }
        unsafe start = map.bindMemory(to: Element.self, capacity: count)
    }

    func free() { unsafe munmap(start, octets) }
}
