import EngineParts
import OpenSSL
import PPP
import Wire

@testable import IKEv1
@testable import IPsecCore

extension FuzzTarget {
    static let ipsecRecordTargets = [FuzzTarget("ipsec-record", ipsecRecord)]

    /// A party's record, which another instance of the module has written: it is refused, or it is a party
    /// that lives, whose record is good again.
    private static func ipsecRecord(_ bytes: [UInt8]) {
        let now = Instant(nanoseconds: 1_000_000_000_000)
        guard let arrival = arrival(bytes),
            let server = try? IPsecServer(
                IKEOptions(preSharedKeys: [SecretBytes(copying: [1])]), calls: CallOptions(),
                cookieKey: Array(repeating: 7, count: 32), random: SplitMix64(seed: 1)),
            server.hasPlace(for: arrival)
        else { return }
        let places = server.adopt(arrival, at: now)
        precondition(places.count == arrival.places.count, "a place is lost")
        drain(server)
        for name in server.names {
            guard let party = server.party(of: name), let again = server.record(of: party) else { continue }
            precondition(self.arrival(again) != nil, "a party's record is good once")
        }
        server.handleTimeout(at: now + .seconds(200))
        drain(server)
        server.stop(at: now + .seconds(300))
        drain(server)
    }

    private static func arrival(_ record: [UInt8]) -> ArrivingParty? {
        try? ArrivingParty(parsing: record) { SplitMix64(seed: 2) }
    }

    private static func drain(_ server: IPsecServer) { while server.nextOutput() != nil {} }
}
