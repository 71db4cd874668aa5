import ESP
import IKEPeer
import SeededGenerators
import Testing
import Wire

@testable import IKEv1
@testable import IPsecCore
@testable import L2TP

/// Parties that go on in another instance of the engine. That all of their state is the same there is seen by
/// `Site.swap`, each time.
@Suite struct HandoverTests {
    private static let stories: [@Sendable () throws -> Void] = [
        {
            try EtherIPTests().`a peer with an identity of ours gets a place, and frames travel both ways`()
        },
        { try EtherIPTests().`frames travel in UDP too, and fit the path's MTU`(.gcm(.aes128GCM)) },
        { try EtherIPTests().`in tunnel mode the inner packet is taken off and put on again`() },
        { try EtherIPTests().`inner fragments and packets of other protocols are dropped`() },
        { try EtherIPTests().`frames that are none are dropped`() },
        { try EtherIPTests().`an identity of nobody is refused, and asked about again after a while`() },
        { try EtherIPTests().`SAs for something else get no place`() },
        { try EtherIPTests().`SAs for everything get a place with the first frame`() },
        { try EtherIPTests().`the place outlives new keys, and ends with the last of them`() },
        {
            try EtherIPTests().`a question whose peer has gone is withdrawn, and its answer means nothing`()
        },
        { try EtherIPTests().`a silent peer loses its place`() },
        { try EtherIPTests().`frames prove that a peer lives, without IKE`() },
        { try EtherIPTests().`a peer whose NAT gives it another port goes on`() },
        { try EtherIPTests().`a packet that was held back does not move a peer`() },
        { try EtherIPTests().`peers of one identity behind one NAT have places of their own`() },
        { try EtherIPTests().`a forged packet does not move a peer`() },
        { try EtherIPTests().`an SA that has carried its share is replaced under way`() },
        { try EtherIPTests().`at the end of the server every place ends`() },
        {
            try L2TPTests().`a telephone is let in by its password, gets an address and DNS, and packets pass`()
        },
        { try L2TPTests().`the largest packet of the tunnel fits the path, numbers and all`() },
        { try L2TPTests().`a peer that wants numbers gets them in all data`() },
        { try L2TPTests().`length, numbers and offset may stand in data`(true, true, 5) },
        { try L2TPTests().`what stands behind the length of a packet is cut off`() },
        {
            try L2TPTests().`a wrong password is refused, the session ends, the tunnel stays for another try`()
        },
        { try L2TPTests().`PAP is an option`() },
        {
            try L2TPTests().`several tunnels of one SA, and sessions of one tunnel, are places of their own`()
        },
        { try L2TPTests().`PPP's goodbye ends the session, StopCCN all of them`() },
        { try L2TPTests().`the host ends a session, and the peer is told in all its words`() },
        { try L2TPTests().`at the end of the server, and of the SAs, nothing stays`() },
        { try L2TPTests().`a peer that is silent is asked by HELLO, and its call ends`() },
        { try L2TPTests().`a tunnel without a call is ended`() },
        { try L2TPTests().`callers who prove nothing have bounds, and no more time than a minute`() },
        { try L2TPTests().`tunnels have a bound, and one with a user gives way to nobody`() },
        { try L2TPTests().`a verdict that comes late is for nobody`() },
        { try L2TPTests().`an accepted user who leaves before there is a session is given back`() },
        { try L2TPTests().`a peer whose NAT gives it another port goes on`() },
        { try L2TPTests().`data of nobody, and messages that are none, are dropped`() },
        { try L2TPv3Tests().`a pseudowire is a place on a hub, over IP and over UDP`(true) },
        { try L2TPv3Tests().`an identity of nobody is told so by CDN`() },
        { try L2TPv3Tests().`a router that hangs up leaves its place, and may call again`() },
        { try L2TPv3Tests().`a router that begins anew takes its place over`() },
        { try L2TPv3Tests().`a place that the host takes away is told`() },
        { try L2TPv3Tests().`data of no session, and messages that are none, are dropped`() },
        { try L2TPv3Tests().`the end of the SAs is the end of the pseudowire`() },
        { try L2TPv3Tests().`at the end of the server a router is told`() },
    ]

    @Test(arguments: stories.indices)
    func `nobody notices that each packet meets another instance`(story: Int) throws {
        try Site.$swapsAllTheTime.withValue(true) { try Self.stories[story]() }
    }
}
