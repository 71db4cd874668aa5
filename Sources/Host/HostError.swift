/// Something that the host itself refuses or cannot do: a sentence that names the thing.
struct HostError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
