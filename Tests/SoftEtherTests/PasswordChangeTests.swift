import Testing

@testable import SoftEtherCore

/// Clients that want another password.
@Suite struct PasswordChangeTests {
    @Test(
        arguments: [
            (nil, 0), (.authenticationFailed, 69), (.authenticationTypeUnsupported, 68), (.accessDenied, 52),
            (.hubNotFound, 8), (.serverCannotAccept, 105), (.notSupported, 33),
        ] as [(RefusalCode?, Int)])
    func `a change is asked for, answered by its number, and the connection is over`(
        refusal: RefusalCode?, code: Int
    ) throws {
        for isSwapped in [false, true] {
            let site = Narrator()
            site.knock(1)
            site.hear(Narrator.passwordChange(), 1)
            #expect(site.lines() == ["change alice@LAB of 1 (20, 16)"])
            let question = try #require(site.takeQuestion())
            #expect(site.server.wishes(ofQuestion: question) == nil)
            if isSwapped { site.swap() }
            site.server.decided(question, refusal, at: site.now)
            #expect(site.lines() == ["<-- 1 200 error \(code)", "close 1"])
            #expect(site.server.connections.isEmpty && site.server.halfOpen.count == 0)
        }
    }

    @Test func `a hash for MS-CHAPv2 is not told by zeros, nor in another length`() {
        for (octets, count) in [(16, 0), (15, 0), (0, 0)] {
            let site = Narrator()
            site.knock(1)
            site.hear(
                Narrator.passwordChange { $0.set("new_password_ntlm", [UInt8](repeating: 0, count: octets)) },
                1)
            #expect(site.lines() == ["change alice@LAB of 1 (20, \(count))"])
        }
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.passwordChange { $0["new_password_ntlm"] = nil }, 1)
        #expect(site.lines() == ["change alice@LAB of 1 (20, 0)"])
    }

    @Test(arguments: ["hubname", "username", "secure_old_password", "new_password"])
    func `what is missing or of another length breaks the protocol`(name: String) {
        let changes: [(inout Pack) -> Void] = [
            { $0[name] = nil }, { $0.set(name, [UInt8](repeating: 1, count: 19)) },
            { $0.set(name, [UInt8](repeating: 1, count: 21)) }, { $0.set(name, "a\u{1}") },
        ]
        for change in changes {
            let site = Narrator()
            site.knock(1)
            site.hear(Narrator.passwordChange(change), 1)
            #expect(site.lines() == ["<-- 1 200 error 4", "close 1"])
        }
    }
}
