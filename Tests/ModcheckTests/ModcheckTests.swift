import Testing

/// polyhub-modcheck finds each of the faults of Tests/Modules/Broken/broken.c, and nothing where there is
/// none.
@Suite struct ModcheckTests {
    @Test(arguments: [
        ("abort_in_start", "crash"), ("answers_everything", "return-value"), ("command_crash", "crash"),
        ("crash_in_entry", "crash"), ("crash_in_start", "crash"), ("crash_on_datagram", "crash"),
        ("crash_on_long", "crash"), ("exits", "exit"), ("frees_lent", "crash"), ("frees_twice", "crash"),
        ("keeps_memory", "lent-memory-after-turn"), ("kept_lane", "lane-pointer"),
        ("malformed_command", "declaration"), ("missing_function", "missing-function"),
        ("newer_abi", "refused"), ("no_create", "refused"), ("no_descriptor", "refused"),
        ("no_id", "refused"), ("no_module", "refused"), ("no_start", "refused"), ("no_table", "refused"),
        ("refuses_lane", "refused"), ("session_crash", "crash"), ("silent_failure", "silent-failure"),
        ("ticket_twice", "ticket-twice"), ("transmit_crash", "crash"),
        ("use_after_close", "use-after-close"), ("wrong_abi", "refused"), ("wrong_fallback", "declaration"),
        ("wrong_listener", "refused"), ("wrong_magic", "refused"), ("wrong_module_size", "refused"),
        ("wrong_size", "refused"), ("wrong_table_size", "struct-size"), ("wrong_thread", "thread"),
    ]) func `a fault is found by its name`(fault: String, rule: String) throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken(fault), "--cycles", "0")
        #expect(verdict.findings.contains { $0.rule == rule }, "\(verdict.findings)")
    }

    @Test(arguments: [
        ("handover_corrupts", "foreign-handle"), ("handover_crash", "crash"),
        ("handover_foreign", "handover-refused"), ("handover_import_crash", "crash"),
        ("handover_keeps", "use-after-close"), ("handover_lets_go", "handover-lost"),
        ("handover_loses", "handover-lost"), ("handover_trusts", "crash"),
        ("handover_refuses", "handover-refused"), ("handover_twice", "use-after-close"),
        ("handover_wrong_size", "struct-size"), ("handover_wrong_token", "crash"),
        ("handover_wrong_version", "return-value"),
    ]) func `a handover that loses or corrupts a connection is found`(fault: String, rule: String) throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken(fault), "--cycles", "0")
        #expect(verdict.findings.contains { $0.rule == rule && $0.step == "handover" }, "\(verdict.findings)")
    }

    @Test(arguments: ["leak", "leak_at_enter", "leak_in_session", "leak_of_state"])
    func `what is left behind at each stop is a leak`(fault: String) throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken(fault), "--cycles", "30")
        #expect(verdict.findings.map(\.rule).contains("leak"), "\(verdict.findings)")
    }

    /// It runs into unmapped memory sooner or later; if it is later, it is one of a growing number.
    @Test func `a thread that outlives its library is a crash or a leak`() throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken("leaves_thread"), "--cycles", "5")
        #expect(!Set(verdict.findings.map(\.rule)).isDisjoint(with: ["crash", "leak"]))
    }

    @Test(arguments: ["hang_in_start", "hang_in_stop"])
    func `what never ends is ended`(fault: String) throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken(fault), "--cycles", "0", "--patience", "3")
        #expect(verdict.findings.map(\.rule) == ["no-end"])
    }

    @Test func `a library that stays mapped must not say that it can be unloaded`() throws {
        let workshop = try Workshop()
        let library = try workshop.compileBroken("none", ["-Wl,-z,nodelete"])
        let verdict = try workshop.check(library, "--cycles", "5")
        #expect(verdict.findings.map(\.rule).contains("still-mapped"), "\(verdict.findings)")
    }

    @Test func `a library without the symbol is no module`() throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken("none", ["-DNO_SYMBOL"]))
        #expect(verdict.findings.map(\.what).first?.contains("does not export packet_adapter_entry") == true)
    }

    @Test func `nothing is found in a module without a fault`() throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compileBroken("none"))
        #expect(verdict.findings.map(\.what) == [])
        #expect(
            verdict.steps == [
                "open", "start", "traffic", "nonsense", "commands", "stop", "start again", "options",
                "handover", "cycles",
            ])
    }

    @Test func `nothing is found in the template`() throws {
        let workshop = try Workshop()
        let verdict = try workshop.check(workshop.compile(["Sources/PluginABI/template.c"]))
        #expect(verdict.findings.map(\.what) == [])
    }

    @Test func `nothing is found in the example`() throws {
        let workshop = try Workshop()
        let sources = ["module", "lane", "handover", "commands", "machine"].map { "Examples/vmport/\($0).c" }
        let verdict = try workshop.check(
            workshop.compile(sources), "--set", "user=somebody", "--set", "password=secret",
            "--set", "machines=[\"127.0.0.1:17701\"]", "--peer", "127.0.0.1:17701")
        #expect(verdict.findings.map(\.what) == [])
        #expect(verdict.steps.contains("handover"))
    }

    @Test(arguments: ["libEchoModule.so", "libOpenVPN.so"])
    func `nothing is found in modules in Swift`(library: String) throws {
        let workshop = try Workshop()
        let path = Workshop.products.appendingPathComponent(library).path
        let found = try workshop.check(path).findings.map(\.what)
        #expect(found == [])
    }

    @Test func `a check that cannot be made has a status of its own`() throws {
        let workshop = try Workshop()
        let absent = try workshop.modcheck(["/nowhere/x.so"])
        #expect(absent.status == 2)
        #expect(
            absent.words == "polyhub-modcheck: /nowhere/x.so cannot be read: no such file, or no permission\n"
        )
        #expect(try workshop.modcheck([]).status == 2)
        #expect(try workshop.modcheck(["--help"]).status == 0)
        let sources = ["module", "lane", "handover", "commands", "machine"].map { "Examples/vmport/\($0).c" }
        let needy = try workshop.modcheck([workshop.compile(sources)])
        #expect(needy.status == 2)
        #expect(needy.words.contains("`user` is left out"))
        #expect(needy.words.contains("--set KEY=VALUE"))
    }
}
