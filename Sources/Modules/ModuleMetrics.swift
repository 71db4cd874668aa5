import Synchronization

/// The counters and gauges that a module has declared. Every lane adds to a share of its own.
final class ModuleMetrics: Sendable {
    static let maxMetrics = 256

    struct Declaration: Sendable, Equatable {
        let name: String
        let kind: UInt32
        let help: String
    }

    private let declarations = Mutex<[Declaration]>([])

    /// The metric's number; nil when the name is malformed or there is no room.
    func declare(_ declaration: Declaration) -> UInt32? {
        let name = declaration.name.utf8
        guard (1...64).contains(name.count), let first = name.first, (0x61...0x7a).contains(first),
            name.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f })
        else { return nil }
        return declarations.withLock { all in
            if let known = all.firstIndex(where: { $0.name == declaration.name }) { return UInt32(known) }
            guard all.count < Self.maxMetrics else { return nil }
            all.append(declaration)
            return UInt32(all.count - 1)
        }
    }

    var all: [Declaration] { declarations.withLock { $0 } }
}
