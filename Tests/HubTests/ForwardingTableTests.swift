import Testing
import Wire

@testable import Hub

@Suite struct ForwardingTableTests {
    private let table = ForwardingTable(key: 0x1234_5678_9abc, ageing: 300)

    @Test func `a learnt address is found and an unknown one is not`() {
        #expect(table.learn(MACAddress(0x0200_0000_0001), on: 7, at: 100) == 0)
        #expect(table.port(of: MACAddress(0x0200_0000_0001), at: 100) == 7)
        #expect(table.port(of: MACAddress(0x0200_0000_0002), at: 100) == 0)
    }

    @Test func `an address that moves is found at its new port`() {
        table.learn(MACAddress(1), on: 7, at: 100)
        #expect(table.learn(MACAddress(1), on: 8, at: 101) == 7)
        #expect(table.port(of: MACAddress(1), at: 101) == 8)
        #expect(table.snapshot(at: 101).count == 1)
    }

    @Test func `an address is forgotten after the ageing time, and not before`() {
        table.learn(MACAddress(1), on: 7, at: 1000)
        #expect(table.port(of: MACAddress(1), at: 1300) == 7)
        #expect(table.port(of: MACAddress(1), at: 1301) == 0)
    }

    @Test func `the stamp survives the wrap of its ten bits`() {
        table.learn(MACAddress(1), on: 7, at: 1023)
        #expect(table.port(of: MACAddress(1), at: 1024 + 200) == 7)
        table.sweep(at: 1024 + 400) { _ in true }
        #expect(table.snapshot(at: 1024 + 400).isEmpty)
    }

    @Test func `a flood of addresses stays within the table, and the freshest are known`() {
        for number in 0..<UInt64(3 * ForwardingTable.capacity) {
            table.learn(MACAddress(0x0200_0000_0000 | number), on: 3, at: number / 100_000)
        }
        #expect(table.snapshot(at: 2).count <= ForwardingTable.capacity)
        let last = UInt64(3 * ForwardingTable.capacity - 1)
        #expect(table.port(of: MACAddress(0x0200_0000_0000 | last), at: 2) == 3)
    }

    @Test func `a sweep leaves nothing of a port that is gone`() {
        for number in 1...100 as ClosedRange<UInt64> {
            table.learn(MACAddress(number), on: number % 2 == 0 ? 4 : 5, at: 0)
        }
        table.sweep(at: 0) { $0 != 4 }
        let left = table.snapshot(at: 0)
        #expect(left.count == 50)
        #expect(left.allSatisfy { $0.port == 5 && $0.mac.bits % 2 == 1 })
    }

    @Test func `scrambling loses nothing`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            let value = UInt64.random(in: 0...Scramble.mask, using: &generator)
            #expect(Scramble.backward(Scramble.forward(value)) == value)
        }
    }
}
