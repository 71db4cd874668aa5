/// The bytes of an annotated dump; text after `//` is prose. A typo traps, which fails the test.
func hex(_ dump: String) -> [UInt8] {
    dump.split(separator: "\n").flatMap { line in
        (line.split(separator: "//", omittingEmptySubsequences: false).first ?? "")
            .split(separator: " ").map { UInt8($0, radix: 16)! }
    }
}
