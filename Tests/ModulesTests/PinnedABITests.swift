import Foundation
import PluginABI
import Testing

@testable import Modules

/// What was released stays: modules that were compiled with the headers of an earlier release run in this
/// host, and nothing that those headers say has changed in the ones of today.
@Suite struct PinnedABITests {
    static let releases = ["1.0"]

    @Test(arguments: releases) func `a module of that release is loaded, echoes, greets and counts`(
        release: String
    ) async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compilePinned("template.c", release: release)
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        try await registry.loadAll()
        let row = try await registry.rows()[0]
        let peer = try Peer(.datagram, port: bench.port(of: row.listeners[0]))
        #expect(try peer.ask("hello") == "hello")
        #expect(try await registry.call("template", command: "greet", arguments: ["you"]) == "hello, you")
        #expect(try await registry.rows()[0].metrics.map(\.value) == [1])
        await registry.stop()
        #expect(!bench.hasMappings)
    }

    @Test(arguments: releases) func `connections go from a module of that release to a later version`(
        release: String
    ) async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let former = try bench.compilePinned("counting.c", release: release)
        let later = try bench.compilePinned("counting.c", release: release, ["VERSION=\"2\""])
        let registry = try bench.registry(
            former, name: "counting", listen: "udp://127.0.0.1:0", "tcp://127.0.0.1:0")
        try await registry.loadAll()
        let listeners = try await registry.rows()[0].listeners
        let peers = [
            try Peer(.datagram, port: bench.port(of: listeners[0])),
            try Peer(.stream, port: bench.port(of: listeners[1])),
        ]
        for peer in peers { #expect(try peer.ask("once") == "1 1") }
        let swap = try await registry.swap("counting", library: later, drain: .zero)
        #expect(swap.carried == 2)
        for peer in peers { #expect(try peer.ask("twice") == "2 2") }
        await registry.stop()
    }

    @Test(arguments: releases) func `no struct, function or constant of that release has changed`(
        release: String
    ) throws {
        let folder = Bench.pinned(release).appendingPathComponent("polyhub")
        let headers = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(headers.count > 10)
        for header in headers {
            let then = try HeaderText(folder.appendingPathComponent(header))
            let now = try HeaderText(
                Bench.project.appendingPathComponent("Sources/PluginABI/include/polyhub/\(header)"))
            for (name, meaning) in then.declarations where name != "PA_ABI_MINOR" {
                #expect(now.declarations[name] == meaning, "\(name) of \(header)")
            }
        }
    }

    /// Offsets and sizes, by the compiler.
    @Test(arguments: releases) func `every struct of that release is laid out as it was`(release: String)
        throws
    {
        let bench = try Bench()
        defer { bench.stop() }
        let layout = Bench.pinned(release).appendingPathComponent("layout.c")
        _ = try bench.compile(try String(contentsOf: layout, encoding: .utf8), [])
    }

    @Test func `the comparison of headers sees what changes and not how it is written`() throws {
        let plain = HeaderText("#define PA_A 1u\ntypedef struct a_v1 { int x; char *y; } a_v1;\nint f(int);")
        let written = HeaderText(
            """
            #define PA_A   1u /* one */
            typedef struct a_v1 {
              int x; /* an x */
              char *y;
            } a_v1;
            int f(int);
            """)
        #expect(plain.declarations == written.declarations)
        #expect(Set(plain.declarations.keys) == ["PA_A", "a_v1", "f"])
        for other in [
            "#define PA_A 2u\ntypedef struct a_v1 { int x; char *y; } a_v1;\nint f(int);",
            "#define PA_A 1u\ntypedef struct a_v1 { char *y; int x; } a_v1;\nint f(int);",
            "#define PA_A 1u\ntypedef struct a_v1 { int x; char *y; int z; } a_v1;\nint f(int);",
            "#define PA_A 1u\ntypedef struct a_v1 { int x; char *y; } a_v1;\nint f(long);",
        ] { #expect(HeaderText(other).declarations != plain.declarations) }
    }
}

/// What a header of the ABI declares, without comments and layout.
private struct HeaderText {
    /// By the name of a macro, a type or a function: its text.
    private(set) var declarations: [String: String] = [:]

    init(_ file: URL) throws { self.init(try String(contentsOf: file, encoding: .utf8)) }

    init(_ text: String) {
        let bare = text.replacing(/\/\*(?s:.*?)\*\//, with: " ")
        var code = ""
        for line in bare.split(separator: "\n") {
            if let macro = line.firstMatch(of: /^#define\s+(\w+)\s+(\S.*)$/) {
                declarations[String(macro.1)] = Self.squeeze(macro.2)
            } else if !line.hasPrefix("#") {
                code += line + "\n"
            }
        }
        for piece in Self.statements(code) {
            guard let name = Self.name(of: piece) else { continue }
            declarations[name] = piece
        }
    }

    /// Split at the semicolons that stand in no braces.
    private static func statements(_ code: String) -> [String] {
        var (pieces, piece, depth) = ([String](), "", 0)
        for character in code {
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if character == ";", depth <= 0 {
                pieces.append(squeeze(piece[...]))
                piece = ""
            } else {
                piece.append(character)
            }
        }
        return pieces
    }

    /// A type's name stands last, that of a function or of a pointer to one before its parameters.
    private static func name(of piece: String) -> String? {
        if let pointer = piece.firstMatch(of: /^typedef [^{]*\(\*(\w+)\)/) { return String(pointer.1) }
        if piece.hasPrefix("typedef") { return piece.split(separator: " ").last.map(String.init) }
        return piece.firstMatch(of: /(\w+)\(/).map { String($0.1) }
    }

    private static func squeeze(_ text: Substring) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
