// Many simulated IKE peers at once against the engine of one lane, in one process and without a network:
//
//     swift run ipsec-soak [PEERS]
//     swift run ipsec-soak --server SECRET PEERS SECONDS
//
// 10,000 unless said otherwise, up to 500 at an address, establish an ISAKMP SA and a pair of ESP SAs each
// and hold them for a simulated minute, in which the server asks each of them whether it is there. Prints
// what that took of time and memory, and fails when somebody is missing. With --server the engine is that of
// a polyhubd at 127.0.0.1, and time is real. A debug build, since the peers see
// the inside of IKEv1.

import Foundation
import IKEPeer
import IKEv1
import IPsecCore
import OpenSSL
import Wire

if CommandLine.arguments.dropFirst().first == "--server" {
    let words = CommandLine.arguments
    guard words.count == 5, let count = Int(words[3]), let seconds = Int(words[4]) else { exit(2) }
    let soak = RemoteSoak(secret: Array(words[2].utf8))
    let took = try ContinuousClock().measure { try soak.connect(count) }
    let all = "established \(soak.established) of \(count) in \(took)"
    FileHandle.standardOutput.write(Data("\(all); \(soak.sentAgain) messages were sent again\n".utf8))
    try soak.hold(.seconds(seconds))
    print("held for \(seconds) s: \(soak.alive) alive")
    exit(soak.established == count && soak.alive == count ? 0 : 1)
}

let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
let secret = SecretBytes(copying: Array("secret".utf8))
let server = try IPsecServer(
    IKEOptions(preSharedKeys: [secret]), calls: CallOptions(), cookieKey: Array(repeating: 7, count: 32),
    random: SplitMix64(seed: 1))
let local = TransportAddress(ipv4: 0xc000_0201, port: 500)
var now = Instant(nanoseconds: 1_000_000_000_000)
var peers: [IKEPath: IKEPeer] = [:]
server.listensNatively(.ipv4, socket: 50)

@MainActor func drain() throws {
    while let output = server.nextOutput() {
        guard case .send(let octets, let path) = output, let peer = peers[path] else { continue }
        for answer in try peer.receive(octets) { server.receive(answer, from: path, at: now) }
    }
}

/// Of the process, in KiB.
func resident() -> Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
    return fields.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 4 } ?? 0
}

let before = resident()
let clock = ContinuousClock()
let took = try clock.measure {
    for number in 0..<count {
        let address = TransportAddress(
            ipv4: 0x0a00_0000 + UInt32(number / 500), port: UInt16(1000 + number % 500))
        let path = IKEPath(socket: 1, remote: address, local: local, isEncapsulated: false)
        let peer = IKEPeer(path: path, random: SplitMix64(seed: UInt64(number)))
        peer.identity = Identification(.fqdn, Array("peer\(number).example".utf8))
        peers[path] = peer
        server.receive(peer.start(), from: path, at: now)
        try drain()
        server.receive(try peer.startQuickMode(), from: path, at: now)
        try drain()
        now = now + .milliseconds(1)
    }
}
let established = peers.values.count { $0.isEstablished && $0.children.count == 1 }
let full = resident()
print(
    "established \(established) of \(count) in \(took), both sides; resident \(before) KiB, then \(full) KiB")

let held = try clock.measure {
    let end = now + .seconds(60)
    while let deadline = server.deadline, deadline <= end {
        now = max(now, deadline)
        server.handleTimeout(at: now)
        try drain()
    }
}
let alive = peers.values.count { !$0.isClosed }
print("held \(server.saCount) for a minute, \(alive) alive, which took \(held)")

exit(established == count && alive == count && server.saCount == count ? 0 : 1)
