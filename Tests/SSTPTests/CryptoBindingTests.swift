import OpenSSL
import SSTPClient
import Testing
import Wire

@testable import SSTPCore

/// MS-SSTP §4.7, and the same with SHA-1.
@Suite struct CryptoBindingTests {
    private static let request = octets("1001000e00010001000100060001")
    private static let ack = octets(
        "1001003000020001000400280000000241 2b489aebd7ecc7d08966f26be7cd72b231a0e9210d7c91b308862b0344c435")
    private static let connected = octets(
        "100100700004000100030068 00000002412b489aebd7ecc7d08966f26be7cd72b231a0e9210d7c91b308862b0344c435"
            + "7993ef314c493dace9f02d60e7e61c84b6690aafe9d7aeea92cbbe8ad599422d"
            + "52a68efd8cffbf52770b8f0fe8ec73716583af6d611eb6d179b3b20840985449")
    private static let hlak = SecretBytes(
        copying: octets("2a1bb40d55ab0f5ef32f06f2b3cc73c48fd3fac41d7a1315a19228d9024ca164"))

    @Test func `the worked example's messages are read and written as they stand`() throws {
        for example in [Self.request, Self.ack, Self.connected] {
            let message = try ControlMessage(parsing: example.span.bytes)
            #expect(message.octets == example)
            for count in 0..<example.count {
                #expect(throws: WireError.self) {
                    try ControlMessage(parsing: Array(example.prefix(count)).span.bytes)
                }
            }
        }
        let ack = try ControlMessage(parsing: Self.ack.span.bytes)
        let wanted = try #require(ack[.cryptoBindingRequest])
        let nonce = Array(wanted.value.dropFirst(4))
        #expect(ack == ControlMessage(.callConnectAck, [CryptoBinding.request(.sha256, nonce: nonce)]))
    }

    @Test func `the worked example's compound MAC is ours`() throws {
        let message = try ControlMessage(parsing: Self.connected.span.bytes)
        let attribute = try #require(message[.cryptoBinding])
        let binding = try #require(CryptoBinding(attribute.value))
        #expect(binding.hash == .sha256)
        #expect(
            try CryptoBinding.compoundMAC(of: Self.connected, hlak: Self.hlak, .sha256)
                == binding.compoundMAC)
        #expect(binding.attribute == message[.cryptoBinding])
    }

    @Test func `the compound MAC with SHA-1 is that of a real exchange`() throws {
        let connected = octets(
            "1001007000040001000300680000000"
                + "10f1a2d58d4a3e3000fad3ce4906e07b707aa9e441cceac5cbd7b2cc1c9d86cdf"
                + "5826b629bda59b8e6fd8dcd2622fd34c534805a5000000000000000000000000"
                + "69915dd583d8062fef16f61db2f03290ec27cb6c000000000000000000000000")
        let hlak = SecretBytes(
            copying: octets("4b3128f43925d9006eefb1c4e86515a1d88e56bab3ca2bdf0373b7f5a8a13b19"))
        #expect(
            try CryptoBinding.compoundMAC(of: connected, hlak: hlak, .sha1)
                == Array(connected.suffix(32)))
    }

    @Test func `each octet of nonce, certificate hash and MAC counts`() throws {
        let certificate = Array("certificate".utf8)
        let expectation = BindingExpectation(
            hashes: [.sha256], nonce: (0..<32).map { $0 }, certificate: certificate)
        var binding = CryptoBinding(
            hash: .sha256, nonce: expectation.nonce,
            certificateHash: try DigestAlgorithm.sha256.hash(certificate),
            compoundMAC: [UInt8](repeating: 0, count: 32))
        var message = ControlMessage(.callConnected, [binding.attribute]).octets
        binding.compoundMAC = try CryptoBinding.compoundMAC(of: message, hlak: Self.hlak, .sha256)
        message = ControlMessage(.callConnected, [binding.attribute]).octets
        #expect(expectation.fault(of: binding, in: message, hlak: Self.hlak) == nil)
        for index in 12..<message.count where index != 15 {
            var other = message
            other[index] ^= 0x10
            let value = Array(other.dropFirst(12))
            let parsed = try #require(CryptoBinding(value))
            #expect(expectation.fault(of: parsed, in: other, hlak: Self.hlak) != nil, "octet \(index)")
        }
        #expect(
            expectation.fault(of: binding, in: message, hlak: CryptoBinding.key([], []))
                == .compoundMAC)
    }

    /// Input 14: hash downgrade, wrong nonce, wrong certificate, wrong or zero MAC.
    @Test(arguments: [
        ("hash", BindingFault.hashProtocol), ("both hashes", .hashProtocol), ("nonce", .nonce),
        ("certificate", .certificate), ("mac", .compoundMAC), ("zero mac", .compoundMAC),
        ("keys", .compoundMAC),
    ]) func `a client whose binding is wrong is aborted with the right status`(
        what: String, fault: BindingFault
    ) {
        var options = SimulatedSSTPClient.Options()
        options.spoil = { fields in
            switch what {
            case "hash": fields.hash = .sha1
            case "both hashes": fields.hash = [.sha1, .sha256]
            case "nonce": fields.nonce[31] ^= 1
            case "certificate": fields.certificateHash[0] ^= 1
            case "mac": fields.mac = [UInt8](repeating: 7, count: 32)
            case "zero mac": fields.mac = [UInt8](repeating: 0, count: 32)
            default: fields.hlak = CryptoBinding.key([], [])
            }
        }
        let site = SSTPSite(ConnectionOptions(methods: [.msCHAPv2], hashes: .sha256), options)
        #expect(site.run { site.streamIsClosed })
        #expect(site.client.heard.contains(5))
        #expect(site.client.statuses == [Status.valueNotSupported.rawValue])
        #expect(site.wishes.isEmpty)
        #expect(
            site.log.first
                == "user=\"alice\" refused without a valid crypto binding reason=\"\(fault.rawValue)\"")
    }

    @Test func `an administrator may let clients without a binding pass`() {
        var options = SimulatedSSTPClient.Options()
        options.spoil = { $0.mac = [UInt8](repeating: 0, count: 32) }
        let site = SSTPSite(ConnectionOptions(methods: [.msCHAPv2], requiresBinding: false), options)
        #expect(site.run { site.isUp })
        #expect(site.log.contains { $0.contains("let pass without a valid crypto binding") })
    }
}

func octets(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue).map { UInt8($0) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

@Suite struct CryptoBindingKeyTests {
    private let msk = SecretBytes(copying: [UInt8](0..<64))

    @Test func `of an MSK the first 32 octets are the key, or the first 16 of each half to an old client`() {
        #expect(Array(copying: CryptoBinding.key(ofMSK: msk).bytes) == Array(0..<32))
        #expect(Array(copying: CryptoBinding.halves(ofMSK: msk).bytes) == Array(0..<16) + Array(32..<48))
    }
}
