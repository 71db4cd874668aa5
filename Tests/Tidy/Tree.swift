import Foundation

/// The files that the rules are for, inspected.
struct Tree {
    let inspections: [Inspection]
    let allowed: AllowList

    /// Reads the package that this test was built from.
    init() throws {
        let root = URL(fileURLWithPath: #filePath).appending(path: "../../..").standardizedFileURL
        inspections = try Self.paths(under: root).map { path in
            Inspection(path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
        }
        let list = try String(contentsOf: root.appending(path: "Tests/Tidy/allow.txt"), encoding: .utf8)
        allowed = try AllowList(parsing: list)
    }

    /// What one file says by itself, and the medians, which are properties of the whole.
    var findings: [Finding] {
        inspections.flatMap(\.findings) + Self.medians(of: inspections)
    }

    static func medians(of inspections: [Inspection]) -> [Finding] {
        let swift = inspections.filter { $0.path.hasSuffix(".swift") }
        return [
            Finding(
                .medianFunction, "*", value: median(swift.flatMap(\.functions).map(\.lines)),
                "lines a function"),
            Finding(.medianFile, "*", value: median(swift.map(\.lineCount)), "lines a file"),
        ].filter { $0.value > $0.rule.limit }
    }

    private static func median(_ values: [Int]) -> Int {
        values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }

    private static func paths(under root: URL) throws -> [String] {
        let extensions: Set = ["swift", "h", "c", "sh", "py", "md", "toml", "conf", "map"]
        let scripts = ["scripts/", ".ci/", "Tests/Interop/run"]
        let folders = ["Sources", "Plugins", "Examples", "Tests", "scripts", ".ci"].filter {
            FileManager.default.fileExists(atPath: root.appending(path: $0).path)
        }
        let below = try folders.flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
                .map { "\(folder)/\($0)" }
        }
        let top = try FileManager.default.contentsOfDirectory(atPath: root.path)
        return (below + top).filter { path in
            let isKnown = extensions.contains(String(path.split(separator: ".").last ?? ""))
            let isScript = !path.contains(".") && scripts.contains { path.hasPrefix($0) }
            return (isKnown || isScript || path == ".ci/run") && isFile(root.appending(path: path))
        }.sorted()
    }

    private static func isFile(_ url: URL) -> Bool {
        (try? url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
    }
}
