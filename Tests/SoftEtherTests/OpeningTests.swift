import OpenSSL
import Testing
import Wire

@testable import SoftEtherCore

/// A request that carries `body`.
func post(_ target: String, _ body: [UInt8], type: String = "application/octet-stream") -> [UInt8] {
    Array("POST \(target) HTTP/1.1\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
        + body
}

func signature(_ body: [UInt8] = Array("VPNCONNECT".utf8)) -> [UInt8] {
    post("/vpnsvc/connect.cgi", body, type: "image/jpeg")
}

func request(_ pack: Pack) -> [UInt8] { post("/vpnsvc/vpn.cgi", octets(pack)) }

/// The status of an answer and the Pack that it carries.
struct Answer {
    let status: String
    let pack: Pack?
    let body: [UInt8]

    init(_ octets: [UInt8]) {
        let text = String(decoding: octets, as: UTF8.self)
        status = String(text.split(separator: " ")[1])
        let end = octets.indices.first { octets[$0...].starts(with: [13, 10, 13, 10]) } ?? 0
        body = Array(octets[(end + 4)...])
        pack = try? SoftEtherTests.pack(body)
        #expect(text.contains("Content-Length: \(body.count)\r\n"))
    }
}

private func opening(isKnown: Bool = false) -> Opening {
    Opening(
        server: ServerSoftware(name: "Test", version: 502, build: 1), challenge: Array(0...19),
        isKnown: isKnown)
}

extension Opening {
    fileprivate mutating func hear(_ bytes: [UInt8]) -> Step {
        let (taken, step) = receive(bytes.rawSpan)
        if case .wait = step { #expect(taken == 0) } else { #expect(taken == bytes.count) }
        return step
    }
}

extension Opening.Step {
    fileprivate var answer: Answer? { if case .answer(let octets) = self { Answer(octets) } else { nil } }
    fileprivate var refusal: Answer? { if case .refuse(let octets) = self { Answer(octets) } else { nil } }
}

@Suite struct OpeningTests {
    @Test func `the real client, up to its login`() throws {
        var opening = opening()
        let mark = try #require(opening.hear(Captured.probe).answer)
        #expect(mark.status == "403")
        #expect(String(decoding: mark.body, as: UTF8.self).contains("9C37197CA7C2428388C2E6E59B829B30"))
        let hello = try #require(opening.hear(signature()).answer)
        #expect(hello.status == "200")
        #expect(hello.pack?.octets("random") == Array(0...19))
        #expect(hello.pack?.text("hello") == "Test")
        guard case .request(.login(let login)) = opening.hear(Captured.loginHead + Captured.loginPack) else {
            Issue.record("no login")
            return
        }
        #expect(login.user == "alice" && login.hub == "LAB")
        guard case .proof(let proof) = login.credential else {
            Issue.record("no proof")
            return
        }
        // The description's own vector: what it computed is what the real client sends.
        #expect(proof == hex("d9b039667401a6f1db96f5de9f74c3590f35e441"))
        #expect(login.software.description == "SoftEther VPN Client Developer Edition 5.01 (9674)")
        #expect(login.software.hostName == "vm")
        #expect(login.software.uniqueID.count == 20)
        #expect(login.wishes.connections == 8 && login.wishes.compresses && !login.wishes.isHalfDuplex)
        #expect(!login.wishes.isBridge && !login.wishes.isMonitor && !login.wishes.hasPriority)
    }

    @Test func `first octets are told from those of others`() {
        func judge(octets: [UInt8]) -> Bool? { Opening.isOpening(octets.rawSpan) }
        func judge(_ text: String) -> Bool? { judge(octets: Array(text.utf8)) }
        #expect(judge("") == nil && judge("POST /vpns") == nil && judge("GET / HTTP/1.1\r\nX-V") == nil)
        #expect(judge("POST /vpnsvc/connect.cgi HTTP/1.1\r\n") == true)
        #expect(judge(octets: Captured.probe) == true)
        #expect(judge("GET / HTTP/1.1\r\nHost") == false && judge("SSTP_DUPLEX_POST") == false)
        #expect(judge("POST /vpnsvc/vpn.cgi ") == false)
        #expect(judge(octets: [0, 14, 0x38]) == false)
    }

    /// features.md §4.2, input 3.
    @Test(arguments: [0, 9, 11, 1410, 1411, 2000, 3411, 3412]) func `a signature that is none`(count: Int) {
        var opening = opening()
        let refusal = opening.hear(signature([UInt8](repeating: 0x47, count: count))).refusal
        #expect(refusal?.status == "403")
    }

    @Test func `twenty requests are answered, the next one is the last`() {
        var opening = opening()
        for _ in 0..<Opening.maxRequests {
            #expect(opening.hear(post("/", [])).answer?.status == "404")
        }
        #expect(opening.hear(signature()).refusal?.status == "403")
    }

    @Test func `a request that cannot be is answered by its status, and all that came is thrown away`() {
        var opening = opening()
        #expect(opening.hear(Array("nonsense\r\n\r\n".utf8)).refusal?.status == "400")
        #expect(
            opening.hear(Array("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)).refusal?.status
                == "501")
    }

    @Test func `nothing but Packs is understood after the hello`() {
        for wrong in [
            post("/", [1]), post("/vpnsvc/vpn.cgi", [1], type: "image/jpeg"), post("/vpnsvc/vpn.cgi", []),
            signature(),
        ] {
            var opening = opening()
            _ = opening.hear(signature())
            #expect(opening.hear(wrong).refusal?.status == "403")
        }
    }

    @Test(arguments: [
        ("login", RefusalCode.protocolError), ("admin", .notSupported), ("farm_connect", .notSupported),
        ("password", .protocolError), ("additional_connect", .sessionTimeout),
    ])
    func `a request without what it needs is refused with its number`(method: String, code: RefusalCode) {
        var pack = Pack()
        pack.set("method", method)
        var opening = opening()
        _ = opening.hear(signature())
        #expect(opening.hear(request(pack)).refusal?.pack?.integer("error") == code.rawValue)
    }

    @Test func `a Pack that is none is refused as a broken protocol`() {
        var opening = opening()
        _ = opening.hear(signature())
        let refusal = opening.hear(post("/vpnsvc/vpn.cgi", [0xff, 0xff, 0xff, 0xff])).refusal
        #expect(refusal?.pack?.integer("error") == 4)
    }

    @Test func `who asks for nothing gets an answer, and who answers gets none`() {
        var opening = opening()
        _ = opening.hear(signature())
        var noop = Pack()
        noop.set("noop", 1 as UInt32)
        let answer = opening.hear(request(noop)).answer
        #expect(answer?.pack?.integer("noop") == 2 && answer?.pack?.integer("error") == 0)
        noop.set("noop", 2 as UInt32)
        guard case .answer([]) = opening.hear(request(noop)) else {
            Issue.record("an answer to an answer")
            return
        }
    }

    @Test func `a stream that is known needs no signature`() {
        var opening = opening(isKnown: true)
        var pack = Pack()
        pack.set("method", "enum_hub")
        guard case .request(.enumerateHubs) = opening.hear(request(pack)) else {
            Issue.record("not understood")
            return
        }
    }
}

@Suite struct LoginTests {
    private func login(_ change: (inout Pack) -> Void) throws(RefusalCode) -> Login {
        var pack = Pack()
        pack.set("method", "login")
        pack.set("hubname", "LAB")
        pack.set("username", "alice")
        change(&pack)
        return try Login(pack)
    }

    @Test func `a password in the clear`() throws {
        let login = try login {
            $0.set("authtype", 2 as UInt32)
            $0.set("plain_password", "Secret123")
        }
        guard case .password(let password) = login.credential else {
            Issue.record("no password")
            return
        }
        #expect(password.bytes.withUnsafeBytes { Array($0) } == Array("Secret123".utf8))
    }

    @Test func `a certificate and its signature`() throws {
        let login = try login {
            $0.set("authtype", 3 as UInt32)
            $0.set("cert", [1, 2, 3])
            $0.set("sign", [4, 5])
        }
        guard case .certificate([1, 2, 3], signature: [4, 5]) = login.credential else {
            Issue.record("no certificate")
            return
        }
    }

    /// features.md §4.2, input 5: kinds of proof that only a server uses, inside of itself.
    @Test(arguments: [4, 96, 97, 98, 99, .max] as [UInt32]) func `other proofs are none`(kind: UInt32) throws
    {
        let login = try login {
            $0.set("authtype", kind)
            $0.set("ticket", [UInt8](repeating: 1, count: 20))
        }
        guard case .unsupported = login.credential else {
            Issue.record("it is one")
            return
        }
        #expect(login.told(.authenticationFailed) == .authenticationTypeUnsupported)
    }

    @Test func `a proof has twenty octets`() {
        for count in [0, 19, 21] {
            #expect(throws: RefusalCode.protocolError) {
                try login {
                    $0.set("authtype", 1 as UInt32)
                    $0.set("secure_password", [UInt8](repeating: 1, count: count))
                }
            }
        }
    }

    @Test func `names that could not stand in a log are refused`() {
        for name in ["", "a\nb", "a\u{7f}", String(repeating: "n", count: 256)] {
            #expect(throws: RefusalCode.protocolError) {
                try login {
                    $0.set("authtype", 0 as UInt32)
                    $0.set("username", name)
                }
            }
        }
    }
}
