// Many simulated OpenVPN clients at once against a real server, over loopback:
//
//     openvpn-soak PORT CLIENTS USER PASSWORD
//
// Clients at layer 2, each from an address of its own in 127.0.0.0/8, connect, send frames to their
// neighbours until each has got one, and say goodbye. Prints `connected N` and `exchanged N`, and fails when
// somebody is missing.

import Foundation
import Lanes

let arguments = CommandLine.arguments
guard arguments.count == 5, let port = UInt16(arguments[1]), let count = Int(arguments[2]),
    (2...4000).contains(count)
else {
    print("usage: openvpn-soak PORT CLIENTS USER PASSWORD, with 2 to 4000 clients")
    exit(2)
}

let group = try LaneGroup(count: 1)
try group.start()
let crowd = Crowd(
    count: count, server: Endpoint(host: "127.0.0.1", port: port)!, user: arguments[3], password: arguments[4]
)
try crowd.join(group)

func expect(_ what: String, seconds: Int, _ number: @escaping @Sendable () -> Int) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var reached = 0
    while ContinuousClock.now < deadline {
        reached = number()
        if reached == count { break }
        crowd.changed.wait(milliseconds: 200)
    }
    print("\(what) \(reached)")
    guard reached == count else {
        print("openvpn-soak: \(what) \(reached) of \(count) within \(seconds) s")
        exit(1)
    }
}

try expect("connected", seconds: 120) { crowd.connected }
try expect("exchanged", seconds: 60) { crowd.exchanged }
crowd.leave()
group.stop()
