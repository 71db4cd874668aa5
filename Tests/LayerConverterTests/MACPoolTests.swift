import LayerConverter
import Testing
import Wire

@Suite struct MACPoolTests {
    @Test func `a reconnecting client gets its former address`() {
        var pool = MACPool(seed: 1)
        let first = pool.lend(to: "DEFAULT/anna")!
        let other = pool.lend(to: "DEFAULT/bert")!
        #expect(first != other)
        #expect(first.isLocallyAdministered && !first.isGroup && first.octets[0] == 0x5e)
        pool.takeBack(first)
        let again = pool.lend(to: "DEFAULT/bert")
        #expect(again != first)
        let next = pool.lend(to: "DEFAULT/anna")
        #expect(next == first)
    }

    @Test func `several clients of one user get distinct, stable addresses`() {
        var pool = MACPool(seed: 1)
        let macs = (0..<5).map { _ in pool.lend(to: "anna")! }
        #expect(Set(macs).count == 5)
        for mac in macs.shuffled() { pool.takeBack(mac) }
        let returning = (0..<5).map { _ in pool.lend(to: "anna")! }
        #expect(returning == macs)
        pool.takeBack(macs[1])
        pool.takeBack(macs[3])
        let again = pool.lend(to: "anna")
        #expect(again == macs[1])
        let next = pool.lend(to: "anna")
        #expect(next == macs[3])
    }

    @Test func `no address is lent twice, whatever comes and goes`() {
        var random = SystemRandomNumberGenerator()
        var pool = MACPool(seed: 7, capacity: 64)
        var lent: Set<MACAddress> = []
        for _ in 0..<2000 {
            if Bool.random(using: &random) {
                guard let mac = pool.lend(to: "user\(Int.random(in: 0..<100, using: &random))") else {
                    #expect(lent.count == 64)
                    continue
                }
                #expect(lent.insert(mac).inserted)
            } else if let mac = lent.randomElement(using: &random) {
                lent.remove(mac)
                pool.takeBack(mac)
            }
            #expect(pool.remembered.count <= 64)
        }
    }

    @Test func `a restart keeps the pairs`() {
        var pool = MACPool(seed: 1)
        let macs = ["a", "a", "b", "c"].map { pool.lend(to: $0)! }
        var reborn = MACPool(seed: 99, remembering: pool.remembered)
        let again = ["a", "a", "b", "c"].map { reborn.lend(to: $0)! }
        #expect(again == macs)
    }

    @Test func `the same seed gives the same addresses, another seed others`() {
        var (one, same, other) = (MACPool(seed: 1), MACPool(seed: 1), MACPool(seed: 2))
        let again = one.lend(to: "anna")
        let next = same.lend(to: "anna")
        #expect(again == next)
        let third = one.lend(to: "bert")
        let fourth = other.lend(to: "bert")
        #expect(third != fourth)
    }

    @Test func `the longest unused is forgotten first, a lent one never`() {
        var pool = MACPool(seed: 1, capacity: 8)
        let lent = pool.lend(to: "stays")!
        for number in 0..<20 {
            let mac = pool.lend(to: "guest\(number)")!
            pool.takeBack(mac)
        }
        let identities = pool.remembered.map(\.borrower.identity)
        #expect(identities.contains("stays") && identities.contains("guest19"))
        #expect(!identities.contains("guest0"))
        pool.takeBack(lent)
        let again = pool.lend(to: "stays")
        #expect(again == lent)
    }

    @Test func `when all are lent there is none`() {
        var pool = MACPool(seed: 1, capacity: 2)
        let macs = [pool.lend(to: "a"), pool.lend(to: "b"), pool.lend(to: "c")]
        #expect(macs[2] == nil)
        pool.takeBack(macs[0]!)
        let again = pool.lend(to: "c")
        #expect(again != nil)
    }

    @Test func `restored pairs that clash or are not ours to lend are left out`() {
        let mac = MACAddress(0x5e00_0000_0001)
        let loans = [
            MACPool.Loan(.init(identity: "a", ordinal: 0), mac),
            MACPool.Loan(.init(identity: "b", ordinal: 0), mac),
            MACPool.Loan(.init(identity: "c", ordinal: 0), .broadcast),
            MACPool.Loan(.init(identity: "d", ordinal: 0), MACAddress(0x0010_0000_0001)),
        ]
        #expect(MACPool(seed: 1, remembering: loans).remembered == [loans[0]])
    }

    @Test func `giving back what is not lent changes nothing`() {
        var pool = MACPool(seed: 1)
        let mac = pool.lend(to: "a")!
        pool.takeBack(MACAddress(1))
        pool.takeBack(mac)
        pool.takeBack(mac)
        let again = pool.lend(to: "a")
        #expect(again == mac)
        let next = pool.lend(to: "a")
        #expect(next != mac)
    }
}
