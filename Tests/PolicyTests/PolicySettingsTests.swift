import Foundation
import Policy
import Testing

@Suite struct PolicySettingsTests {
    @Test func `the user's word counts more than the group's, and the group's more than the hub's`() throws {
        let policy = Policy([
            try PolicySettings(text: "macs=1"), try PolicySettings(text: "macs=2 router=yes"),
            try PolicySettings(text: "macs=3 router=no addresses=9"),
        ])
        #expect(policy.maxMACs == 1)
        #expect(policy.mayRoute)
        #expect(policy.maxAddresses == 9)
        #expect(!policy.mayServeDHCP)
    }

    @Test func `of whom nothing is said may be a host and nothing else`() {
        let policy = Policy.standard
        #expect(![policy.mayServeDHCP, policy.mayRoute, policy.mayTakeOver].contains(true))
        #expect(policy.mayChooseAddress)
        #expect(policy.maxMACs == 64 && policy.maxAddresses == 64 && policy.maxSessions == 65_535)
    }

    @Test func `what is said is written as it is read`() throws {
        var settings = try PolicySettings(text: "router=yes macs=3 dhcp-server=no")
        #expect(settings.text == "dhcp-server=no router=yes macs=3")
        #expect(try PolicySettings(text: settings.text) == settings)
        try settings.set("router=")
        #expect(settings[.router] == nil)
        #expect(settings.text == "dhcp-server=no macs=3")
    }

    @Test(arguments: [
        ("macs=0", "policy macs cannot be \"0\": 1 to 65535 is accepted"),
        ("macs=many", "policy macs cannot be \"many\": 1 to 65535 is accepted"),
        ("router=1", "policy router cannot be \"1\": yes or no is accepted"),
        ("router", "\"router\" says nothing: one like macs=3 or router=yes is accepted"),
        (
            "speed=9",
            "policy \"speed\" is not known: accepted are dhcp-server, router, bridge, monitor, take-over, "
                + "choose-address, change-password, macs, addresses, broadcasts, sessions"
        ),
    ])
    func `what is not accepted is refused in words`(assignment: String, why: String) {
        var settings = PolicySettings()
        let fault = #expect(throws: PolicyFault.self) { try settings.set(assignment) }
        #expect(fault?.description == why)
        #expect(settings.isEmpty)
    }

    @Test func `in JSON permissions are truth values and limits numbers`() throws {
        let settings = try PolicySettings(text: "router=yes macs=3")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = try encoder.encode(settings)
        #expect(String(decoding: text, as: UTF8.self) == #"{"macs":3,"router":true}"#)
        #expect(try JSONDecoder().decode(PolicySettings.self, from: text) == settings)
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(PolicySettings.self, from: Data(#"{"speed":3}"#.utf8))
        }
    }
}
