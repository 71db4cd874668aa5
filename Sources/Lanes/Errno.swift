/// The errno values that lanes tell apart; they are equal on Linux and macOS.
enum Errno {
    static let outOfMemory = 12
}
