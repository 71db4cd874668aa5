import Testing

@Suite struct InspectionTests {
    /// The rules that a file breaks, once each, in order.
    func broken(_ text: String, path: String = "Sources/A/a.swift") -> [Rule] {
        Inspection(path: path, text: text).findings.map(\.rule)
    }

    @Test func `a clean file breaks nothing`() {
        #expect(broken("/// A thing.\nstruct Thing {\n    func act() {}\n}\n") == [])
    }

    @Test func `a line may have 110 columns`() {
        let name = String(repeating: "a", count: 106)
        #expect(broken("let \(name)\n") == [])
        #expect(broken("let \(name)a\n") == [.line])
        #expect(broken("let \(name)a\n", path: "a.md") == [])
    }

    @Test func `a function may have 70 lines`() {
        #expect(broken(function(body: "    a()\n", times: 68)) == [])
        #expect(broken(function(body: "    a()\n", times: 69)) == [.function])
        #expect(
            broken("int f(void)" + function(body: "    a();\n", times: 69).dropFirst(11), path: "a.c") == [
                .function
            ])
    }

    @Test func `initialisers, subscripts and deinit are functions`() {
        for head in ["init(a: Int) {", "init?(a: Int) throws {", "deinit {", "subscript(a: Int) -> Int {"] {
            let body = String(repeating: "        a()\n", count: 70)
            #expect(broken("struct S {\n    \(head)\n\(body)    }\n}\n") == [.function], "\(head)")
        }
    }

    @Test func `a requirement of a protocol has no body`() {
        let text = "protocol P {\n    func a()\n    init(b: Int)\n    var c: Int { get }\n}\nfunc d() {\n}\n"
        #expect(Inspection(path: "a.swift", text: text).functions.map(\.name) == ["d"])
    }

    @Test func `a file may have 600 lines and a header of the ABI 150`() {
        let header = "Sources/PluginABI/include/polyhub/pa_core.h"
        #expect(broken(String(repeating: "a()\n", count: 600)) == [])
        #expect(broken(String(repeating: "a()\n", count: 601)) == [.file])
        #expect(broken(String(repeating: "int a;\n", count: 150), path: header) == [])
        #expect(broken(String(repeating: "int a;\n", count: 151), path: header) == [.header])
    }

    @Test func `blocks may be four deep`() {
        let four = "func a() {\nif b {\nfor c in d {\nwhile e {\nswitch f {\ncase g: h { i }\n}\n}\n}\n}\n}\n"
        #expect(broken(four) == [])
        #expect(broken(four.replacing("h { i }", with: "h {\ni\n}")) == [.nesting])
    }

    @Test func `a function inside of another starts anew`() {
        let inner = "func b() {\nif c {\nif d {\nif e {\nf()\n}\n}\n}\n}\n"
        #expect(broken("func a() {\nif g {\nif h {\n\(inner)}\n}\n}\n") == [])
    }

    @Test func `a function may have six parameters`() {
        let six = "a: Int, b: [A: B], c: D<E, F>, d: (G, H) -> I, e: K = f(1, 2), g: L"
        #expect(broken("func a(\(six)) {}\n") == [])
        #expect(broken("func a(\(six),) {}\n") == [])
        #expect(broken("func a(\(six), h: M) {}\n") == [.parameters])
        #expect(broken("func a<T: N>(\(six), h: M) -> O where T: P {}\n") == [.parameters])
    }

    @Test func `white space is plain`() {
        #expect(broken("\tlet a\n") == [.tab])
        #expect(broken("let a \n") == [.trailingSpace])
        #expect(broken("let a\r\n").contains(.trailingSpace))
        #expect(broken("let a") == [.finalNewline])
        #expect(broken("let a\n\n") == [.finalNewline])
    }

    @Test func `unfinished work is not committed`() {
        for word in ["TO" + "DO", "FIX" + "ME", "XX" + "X"] {
            #expect(broken("// \(word): later\n") == [.unfinished])
            #expect(broken("// \(word)X and A\(word) are other words\n") == [])
        }
    }

    @Test func `empty words in type names are found, also in an extension's own types`() {
        for name in [
            "SessionManager", "FrameHelper", "TimeUtil", "PortImpl", "EngineBase", "UserInfo", "FrameData",
        ] {
            for kind in ["struct", "final class", "enum", "actor", "protocol"] {
                #expect(broken("extension A {\n    \(kind) \(name) {}\n}\n") == [.typeName])
            }
        }
        #expect(broken("struct DataChannel {}\nfunc info(_ data: Data) {}\n") == [])
    }

    @Test func `paths of one machine are found`() {
        for folder in ["work", "root", "home", "Users", "opt/swift"] {
            #expect(broken("let path = \"/\(folder)/a\"\n") == [.machinePath])
            #expect(broken("let path = \"Sources/\(folder)/a\"\n") == [])
        }
    }
}
