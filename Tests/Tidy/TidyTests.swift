import Testing

@Suite struct TidyTests {
    @Test func `every file keeps to the limits`() throws {
        let tree = try Tree()
        for finding in tree.findings where !tree.allowed.allows(finding) {
            Issue.record("\(finding)")
        }
        #expect(tree.inspections.count > 10, "the tree was not found")
    }

    @Test func `every exception is still needed`() throws {
        let tree = try Tree()
        #expect(tree.allowed.unused(among: tree.findings) == [])
    }

    @Test func `an exception needs a reason and a limit above the rule's`() throws {
        #expect(try AllowList(parsing: "# none\n\na.swift file=700 a table of the RFC\n").entries.count == 1)
        for bad in [
            "a.swift file=700", "a.swift file 700 why", "a.swift fil=700 why", "a.swift file=600 why",
        ] {
            #expect(throws: AllowList.Malformed.self) { try AllowList(parsing: bad) }
        }
    }

    @Test func `an exception excuses its own file and rule up to its limit`() throws {
        let list = try AllowList(parsing: "a.swift file=700 a table of the RFC")
        #expect(list.allows(Finding(.file, "a.swift", value: 700, "lines")))
        #expect(!list.allows(Finding(.file, "a.swift", value: 701, "lines")))
        #expect(!list.allows(Finding(.file, "b.swift", value: 700, "lines")))
        #expect(!list.allows(Finding(.line, "a.swift", value: 111, "columns")))
        #expect(list.unused(among: []) == list.entries)
    }

    @Test func `the medians are those of all Swift files together`() {
        let short = Inspection(path: "a.swift", text: "func a() {\n}\n")
        let long = Inspection(path: "b.swift", text: function(body: "    a()\n", times: 11))
        let longer = Inspection(path: "c.swift", text: function(body: "    a()\n", times: 200))
        #expect(Tree.medians(of: [short, short, long]).isEmpty)
        #expect(Tree.medians(of: [short, long, long]).map(\.rule) == [.medianFunction])
        #expect(Tree.medians(of: [short, longer, longer]).map(\.rule) == [.medianFunction, .medianFile])
    }
}

func function(body: String, times: Int) -> String {
    "func long() {\n" + String(repeating: body, count: times) + "}\n"
}
