import Testing

@testable import Sessions

/// A file that is applied may spell a hub or a user anew; the name is the same.
@Suite struct SpellingTests {
    private let hubs = SessionHubs(seed: 1)

    @Test func `a hub is found by any spelling, and removed by any`() {
        let hub = hubs.add("Office")
        #expect(hubs["OFFICE"] === hub)
        #expect(hubs.add("office") === hub)
        hubs.remove("oFFICE")
        #expect(hubs["Office"] == nil)
    }

    @Test func `the sessions of a user count together, however he was spelled when they began`() {
        hubs.add("Office")
        #expect(hubs.enter("Zoë", on: "Office", atMost: 2))
        #expect(hubs.enter("ZOE\u{308}", on: "OFFICE", atMost: 2))
        #expect(!hubs.enter("zoë", on: "office", atMost: 2))
        hubs.leave("zoë", on: "Office")
        #expect(hubs.enter("Zoë", on: "Office", atMost: 2))
    }

    @Test func `a MAC address is the hub's by any spelling`() throws {
        hubs.add("Office")
        let mac = try #require(hubs.lendMAC(on: "Office", to: "one"))
        hubs.takeBack(mac, on: "OFFICE")
        #expect(hubs.lendMAC(on: "office", to: "one") == mac)
    }
}
