import OpenSSL
import Testing

/// Handshakes of real clients, decrypted: hashes, keys and choices are what was on the wire, and what is in
/// ESP can be read.
@Suite struct RecordedExchangeTests {
    private static let mainMode = [
        "SA -->", "<-- SA", "KE, N, NAT-D, NAT-D -->", "<-- KE, N, NAT-D, NAT-D", "ID, HASH, NOTIFY -->",
        "<-- ID, HASH",
    ]
    private static let quickMode = ["HASH, SA, N, ID, ID -->", "<-- HASH, SA, N, ID, ID", "HASH -->"]
    private static let pseudowire = [
        "L2TP 1 -->", "<-- L2TP 2", "L2TP 3 -->", "L2TP 10 -->", "<-- L2TP 11", "L2TP 12 -->", "L2TP 14 -->",
        "L2TP 4 -->",
    ]
    private static let call = [
        "L2TP 1 -->", "<-- L2TP 2", "L2TP 3 -->", "L2TP 10 -->", "<-- L2TP 11", "L2TP 12 -->",
    ]
    private static let transcripts = [
        "libreswan-l2tp": mainMode.map { $0.replacing("HASH, NOTIFY", with: "HASH") } + quickMode + call
            + ["D -->"],
        "strongswan-main": mainMode + quickMode + ["D -->"],
        "strongswan-pfs": mainMode
            + ["HASH, SA, N, KE, ID, ID -->", "<-- HASH, SA, N, KE, ID, ID", "HASH -->", "D -->"],
        "strongswan-aggressive": [
            "SA, KE, N, ID -->", "<-- SA, KE, N, ID, HASH, NAT-D, NAT-D", "HASH, NAT-D, NAT-D -->",
        ] + quickMode + ["D -->"],
        "strongswan-signature": [
            "SA -->", "<-- SA", "KE, N, NAT-D, NAT-D -->", "<-- KE, N, CERTREQ, NAT-D, NAT-D",
            "ID, CERT, SIG, CERTREQ, NOTIFY -->", "<-- ID, CERT, SIG",
        ] + quickMode + ["D -->"],
        "strongswan-l2tpv3-ip": mainMode + quickMode + pseudowire + ["D -->"],
        "strongswan-l2tpv3-udp": mainMode + quickMode + pseudowire + ["D -->"],
    ]

    @Test(arguments: Recording.names)
    func `what a client and the server said is what we read, compute and choose`(_ name: String) throws {
        let recording = try Recording(name)
        let exchange = try RecordedExchange(recording)
        #expect(exchange.transcript == Self.transcripts[name])
        #expect(exchange.opened == recording.packets.count { !$0.isIKE } && exchange.opened > 5)
    }

    @Test func `every transcript has its recording`() {
        #expect(Recording.names == Self.transcripts.keys.sorted())
    }

    @Test(arguments: ["strongswan-main", "strongswan-aggressive"])
    func `with another key nothing of it fits`(_ name: String) throws {
        var recording = try Recording(name)
        recording.preSharedKey = SecretBytes(copying: Array("another one".utf8))
        #expect(throws: RecordedExchange.Misfit.proof) { try RecordedExchange(recording) }
    }
}
