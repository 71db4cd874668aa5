import EngineParts
import IKEPeer
import OpenSSL
import SeededGenerators
import Testing
import Wire

@testable import IKEv1

/// SAs that go on in another instance of the engine. That all of their state is the same there is seen by
/// `Site.swap`, each time.
@Suite struct HandoverTests {
    private static let stories: [@Sendable () throws -> Void] = [
        { try MainModeTests().`six messages establish an ISAKMP SA, three more a pair of ESP SAs`() },
        { try MainModeTests().`a strong group is chosen before a weak one that stands in front of it`() },
        { try MainModeTests().`every message may be lost once`() },
        { try MainModeTests().`nothing is kept of a peer that only offers`() },
        { try MainModeTests().`a cookie is good at its address alone, and not for long`() },
        { try MainModeTests().`a client whose offer is known connects through a flood of made-up ones`() },
        {
            try MainModeTests()
                .`a NAT is seen by either side's address, and by the numbers of RFC and drafts`()
        },
        { try MainModeTests().`several clients behind one NAT have SAs of their own`() },
        { try MainModeTests().`the port floats in the fifth message, and later ones leave by it`() },
        { try MainModeTests().`initial contact ends what the same peer had before`() },
        { try AggressiveModeTests().`nobody is answered unless the administrator wants it`() },
        { try QuickModeTests().`selectors come back as they were sent`() },
        { try QuickModeTests().`ESP travels in UDP behind a NAT, and only there`() },
        { try QuickModeTests().`every message may be lost once`() },
        { try QuickModeTests().`the first message makes no second pair when it is replayed`() },
        { try QuickModeTests().`an SA that has carried its share gets a successor`() },
        { try QuickModeTests().`a peer that makes pairs without end loses its oldest`() },
        { try LifeTests().`a question whether we are there is answered with its number`() },
        { try LifeTests().`a silent peer is asked, and lives while it answers`() },
        { try LifeTests().`a peer without dead peer detection is not asked`() },
        { try LifeTests().`what the peer deletes is gone`() },
        { try LifeTests().`ESP SAs outlive the ISAKMP SA that another one of the same peer replaces`() },
        { try LifeTests().`at the end every peer is told`() },
        { try LifeTests().`what is not authentic ends nothing`() },
        { try LifeTests().`a replayed message does nothing`() },
        { try LifeTests().`peers of one identity behind one NAT are told apart, also at their ends`() },
        { try LifeTests().`a renewed phase 1 is asked for successors of what the one before has made`() },
        {
            try LifeTests()
                .`a question that is sent again is answered again, but not once a newer one has come`()
        },
        { try LifeTests().`an answer with another number is none`() },
        { try LifeTests().`messages may come in fragments, in any order and twice`() },
        { try ClientOfferTests().`3DES protects both phases where it is allowed`() },
    ]

    @Test(arguments: stories.indices)
    func `nobody notices that each message meets another instance`(story: Int) throws {
        try Site.$swapsAllTheTime.withValue(true) { try Self.stories[story]() }
    }
}
