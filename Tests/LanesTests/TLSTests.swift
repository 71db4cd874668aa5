import Foundation
import Lanes
import PluginABI
import Testing

/// A self-signed certificate that the openssl program makes, and the program as a client.
private struct OpenSSLProgram {
    let directory: URL

    init(_ name: String = "vpn.example", _ options: [String] = []) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let made = try run(
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "1",
                "-subj",
                "/CN=\(name)", "-keyout", "key.pem", "-out", "certificate.pem",
            ] + options)
        made.waitUntilExit()
    }

    func text(_ name: String) throws -> String {
        try String(contentsOf: directory.appending(path: name), encoding: .utf8)
    }

    var certificate: [UInt8] {
        get throws {
            let lines = try text("certificate.pem").split(separator: "\n").filter { !$0.hasPrefix("-") }
            return Array(Data(base64Encoded: lines.joined())!)
        }
    }

    var identity: TLSIdentity {
        get throws { TLSIdentity(chain: try text("certificate.pem"), key: try text("key.pem")) }
    }

    func context(_ protocols: [String] = []) throws -> TLSServerContext {
        try TLSServerContext(identity, applicationProtocols: protocols)
    }

    /// Runs the program, for ten seconds at most.
    func run(_ arguments: [String], input: Pipe? = nil, output: Pipe? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/timeout")
        process.arguments = ["10", "openssl"] + arguments
        process.currentDirectoryURL = directory
        process.standardInput = input ?? FileHandle.nullDevice
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// What a client reads after it wrote the octets, until the server closes.
    func client(of server: Endpoint, sends octets: [UInt8], _ options: [String] = []) throws -> [UInt8] {
        let input = Pipe()
        let output = Pipe()
        let arguments = ["s_client", "-connect", "\(server)", "-quiet", "-no_ign_eof"] + options
        let process = try run(arguments, input: input, output: output)
        input.fileHandleForWriting.write(Data(octets))
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        return Array(answer)
    }
}

@Suite struct TLSTests {
    /// Sends everything back and closes after so many octets.
    private func echo(closingAfter limit: Int, _ log: Log<TLSParameters?>)
        -> @Sendable (ByteStream) -> Closures
    {
        { stream in
            log.add(stream.tls)
            let handler = Closures()
            var seen = 0
            handler.onReceived = { octets, stream in
                stream.write(octets)
                seen += Int(octets.length)
                if seen >= limit { stream.close() }
                return Int(octets.length)
            }
            return handler
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a client's octets come back over TLS`(version: String) throws {
        let program = try OpenSSLProgram()
        try withLanes(2) { group in
            let log = Log<TLSParameters?>()
            let listener = try group.listen(
                tls: program.context(["h2", "http/1.1"]), echo(closingAfter: 200_000, log))
            let octets = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
            let answer = try program.client(
                of: listener.local, sends: octets,
                [version, "-alpn", "http/1.1", "-servername", "vpn.example"])
            #expect(answer == octets)
            let parameters = try #require(log.wait(for: 1).compactMap { $0 }.first)
            #expect(parameters.version == (version == "-tls1_3" ? "TLSv1.3" : "TLSv1.2"))
            #expect(try parameters.certificate == program.certificate)
            #expect(parameters.applicationProtocol == "http/1.1")
            #expect(parameters.serverName == "vpn.example")
            #expect(parameters.cipher.contains("AES") || parameters.cipher.contains("CHACHA"))
        }
    }

    @Test func `the first octets inside TLS are what candidates judge`() throws {
        let program = try OpenSSLProgram()
        try withLanes(1) { group in
            let log = Log<String>()
            let other = StreamCandidate(claims: { _, _ in .no }) { _ in Closures() }
            let wanted = StreamCandidate(claims: { first, _ in first.count < 4 ? .needMore(4) : .yes }) {
                stream in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    log.add(String(decoding: octets.octets, as: UTF8.self))
                    stream.close()
                    return Int(octets.length)
                }
                return handler
            }
            let listener = try group.listen(
                StreamOptions(Endpoint("127.0.0.1:0")!, tls: program.context()), candidates: [other, wanted])
            _ = try program.client(of: listener.local, sends: Array("POST /vpnsvc".utf8))
            #expect(log.wait(for: 1) == ["POST /vpnsvc"])
        }
    }

    @Test func `who speaks no TLS is turned away`() throws {
        let program = try OpenSSLProgram()
        try withLanes(1) { group in
            let listener = try group.listen(tls: program.context()) { _ in
                Issue.record("nobody may get this stream")
                return Closures()
            }
            let peer = TCPPeer(to: listener.local)
            peer.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
            // An alert, and then the end.
            #expect(peer.receive(100).count < 100)
        }
    }

    @Test(
        arguments: [
            ("one.example", 0), ("two.example", 1), ("three.example", 0), (nil, 0),
        ] as [(String?, Int)])
    func `a client is shown the certificate of the name that it asks for`(name: String?, index: Int) throws {
        let programs = [try OpenSSLProgram("one.example"), try OpenSSLProgram("two.example")]
        try withLanes(1) { group in
            let log = Log<TLSParameters?>()
            let context = try TLSServerContext(programs[0].identity, others: [programs[1].identity])
            let listener = try group.listen(tls: context, echo(closingAfter: 1, log))
            _ = try programs[0].client(
                of: listener.local, sends: [1], name.map { ["-servername", $0] } ?? ["-noservername"])
            #expect(try log.wait(for: 1).first??.certificate == programs[index].certificate)
        }
    }

    @Test func `what is older than TLS 1_2 is spoken where that is wished for`() throws {
        let program = try OpenSSLProgram()
        for (oldest, answer) in [(TLSVersion.tls12, [] as [UInt8]), (.tls10, [7])] {
            try withLanes(1) { group in
                let context = try TLSServerContext(program.identity, oldest: oldest)
                let listener = try group.listen(tls: context, echo(closingAfter: 1, Log<TLSParameters?>()))
                let heard = try program.client(
                    of: listener.local, sends: [7], ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"])
                #expect(heard == answer)
            }
        }
    }

    /// features.md §4.2, input 28. The client's line R asks for it.
    @Test func `who wants to renegotiate is refused`() throws {
        let program = try OpenSSLProgram()
        try withLanes(1) { group in
            let log = Log<TLSParameters?>()
            let listener = try group.listen(tls: program.context(), echo(closingAfter: 1, log))
            let input = Pipe()
            let client = try program.run(
                ["s_client", "-connect", "\(listener.local)", "-tls1_2"], input: input)
            #expect(log.wait(for: 1).count == 1)
            input.fileHandleForWriting.write(Data("R\n".utf8))
            client.waitUntilExit()
            #expect(client.terminationStatus == 1, "by itself, and at once")
            try input.fileHandleForWriting.close()
        }
    }

    @Test func `who speaks TLS and who does not share a port`() throws {
        let program = try OpenSSLProgram()
        try withLanes(1) { group in
            let log = Log<String>()
            func candidate(_ carrier: StreamCandidate.Carrier) -> StreamCandidate {
                StreamCandidate(carrier, claims: { _, _ in .yes }) { stream in
                    let handler = Closures()
                    handler.onReceived = { octets, stream in
                        log.add("\(carrier) \(octets.octets)")
                        stream.close()
                        return Int(octets.length)
                    }
                    return handler
                }
            }
            var options = StreamOptions(Endpoint("127.0.0.1:0")!, tls: try program.context())
            options.acceptsPlain = true
            let listener = try group.listen(options, candidates: [candidate(.plain), candidate(.tls)])
            _ = try program.client(of: listener.local, sends: [1])
            #expect(log.wait(for: 1) == ["tls [1]"])
            let peer = TCPPeer(to: listener.local)
            peer.send([0, 14, 0x38])
            #expect(log.wait(for: 2).last == "plain [0, 14, 56]")
        }
    }

    @Test func `a certificate that clients will refuse is doubted`() throws {
        let good = try OpenSSLProgram()
        let bad = try OpenSSLProgram("client.example", ["-addext", "extendedKeyUsage=clientAuth"])
        #expect(try good.context().doubts.isEmpty)
        let doubts = try TLSServerContext(good.identity, others: [bad.identity]).doubts
        #expect(doubts.map(\.place) == [1])
        #expect(doubts.first?.why.contains("serverAuth") == true)
    }

    @Test func `a key of another certificate is refused in words`() throws {
        let first = try OpenSSLProgram()
        let second = try OpenSSLProgram()
        let error = #expect(throws: TLSError.self) {
            try TLSServerContext(
                TLSIdentity(chain: first.text("certificate.pem"), key: second.text("key.pem")))
        }
        #expect(error?.description.hasPrefix("the private key") == true)
        #expect(throws: TLSError.self) {
            try TLSServerContext(TLSIdentity(chain: "", key: second.text("key.pem")))
        }
    }
}
