internal import Glibc
internal import PluginABI

/// C strings and arrays that stay where they are for as long as this object lives. They are wiped when it
/// goes: a client's password may be among them.
@safe final class CMemory {
    private var blocks: [UnsafeMutableRawBufferPointer] = unsafe []

    deinit {
        for index in unsafe blocks.indices {
            let block = unsafe blocks[index]
            if let start = block.baseAddress { unsafe explicit_bzero(start, block.count) }
            unsafe block.deallocate()
        }
    }

    /// A NUL-terminated copy. What stands behind a NUL inside of `text` is not seen by C.
    func text(_ text: String) -> UnsafePointer<CChar> {
        let copy = unsafe array(text.utf8CString)
        return unsafe copy
    }

    func text(_ text: String?) -> UnsafePointer<CChar>? {
        guard let text else { return nil }
        return unsafe self.text(text)
    }

    func octets(_ bytes: [UInt8]) -> pa_octets_v1 {
        guard !bytes.isEmpty else { return unsafe pa_octets_v1() }
        return unsafe pa_octets_v1(start: array(bytes), length: bytes.count)
    }

    func array<Elements: Collection>(_ elements: Elements) -> UnsafePointer<Elements.Element> {
        let copy = UnsafeMutableBufferPointer<Elements.Element>.allocate(capacity: max(elements.count, 1))
        _ = unsafe copy.initialize(from: elements)
        unsafe blocks.append(UnsafeMutableRawBufferPointer(copy))
        return unsafe UnsafePointer(copy.baseAddress.unsafelyUnwrapped)
    }

    func value<T>(_ value: T) -> UnsafePointer<T> { unsafe array(CollectionOfOne(value)) }
}

/// A table that lives as long as the image.
func constant<T>(_ value: T) -> UnsafePointer<T> {
    let place = UnsafeMutablePointer<T>.allocate(capacity: 1)
    unsafe place.initialize(to: value)
    return unsafe UnsafePointer(place)
}

extension String {
    /// Copies a text that the host lends; nil for NULL.
    init?(lent text: UnsafePointer<CChar>?) {
        guard let text = unsafe text else { return nil }
        self = unsafe String(cString: text)
    }
}

extension [UInt8] {
    /// Copies octets that the host lends.
    init(lent octets: pa_octets_v1) {
        self = unsafe Array(UnsafeBufferPointer(start: octets.start, count: octets.length))
    }
}
