/// The option negotiation automaton, RFC 1661 §4.1, for LCP, IPCP and IPV6CP alike. It knows neither packets
/// nor time: its owner performs the actions in their order. The option `p` (passive) is not used, `r`
/// (restart) is left to the owner, who lets the lower layer go down and come up.
public struct NegotiationAutomaton: Hashable, Sendable {
    /// In the order of the RFC's numbers.
    public enum State: Int, CaseIterable, Sendable {
        case initial, starting, closed, stopped, closing, stopping, reqSent, ackRcvd, ackSent, opened
    }
    public enum Event: Int, CaseIterable, Sendable {
        case up, down, open, close, toPlus, toMinus
        case rcrPlus, rcrMinus, rca, rcn, rtr, rta, ruc, rxjPlus, rxjMinus, rxr
    }
    public enum Action: Sendable { case tlu, tld, tls, tlf, irc, zrc, scr, sca, scn, str, sta, scj, ser }

    struct Cell {
        var next: State
        var actions: [Action]
    }

    public private(set) var state: State

    public init(_ state: State = .initial) { self.state = state }

    /// What to do now. An event that the RFC marks with a dash cannot happen in this state and changes
    /// nothing.
    public mutating func handle(_ event: Event) -> [Action] {
        guard let cell = Self.table[event.rawValue][state.rawValue] else { return [] }
        state = cell.next
        return cell.actions
    }

    /// By event, then by state.
    static let table: [[Cell?]] = Event.allCases.map(row)

    private static func row(_ event: Event) -> [Cell?] {
        switch event {
        case .up: [to(2), to(6, .irc, .scr), nil, nil, nil, nil, nil, nil, nil, nil]
        case .down:
            [nil, nil, to(0), to(1, .tls), to(0), to(1), to(1), to(1), to(1), to(1, .tld)]
        case .open:
            [to(1, .tls), to(1), to(6, .irc, .scr), to(3), to(5), to(5), to(6), to(7), to(8), to(9)]
        case .close:
            [
                to(0), to(0, .tlf), to(2), to(2), to(4), to(4), to(4, .irc, .str), to(4, .irc, .str),
                to(4, .irc, .str), to(4, .tld, .irc, .str),
            ]
        case .toPlus:
            [nil, nil, nil, nil, to(4, .str), to(5, .str), to(6, .scr), to(6, .scr), to(8, .scr), nil]
        case .toMinus:
            [nil, nil, nil, nil, to(2, .tlf), to(3, .tlf), to(3, .tlf), to(3, .tlf), to(3, .tlf), nil]
        case .rcrPlus:
            [
                nil, nil, to(2, .sta), to(8, .irc, .scr, .sca), to(4), to(5), to(8, .sca),
                to(9, .sca, .tlu), to(8, .sca), to(8, .tld, .scr, .sca),
            ]
        case .rcrMinus:
            [
                nil, nil, to(2, .sta), to(6, .irc, .scr, .scn), to(4), to(5), to(6, .scn), to(7, .scn),
                to(6, .scn), to(6, .tld, .scr, .scn),
            ]
        case .rca:
            [
                nil, nil, to(2, .sta), to(3, .sta), to(4), to(5), to(7, .irc), to(6, .scr),
                to(9, .irc, .tlu), to(6, .tld, .scr),
            ]
        case .rcn:
            [
                nil, nil, to(2, .sta), to(3, .sta), to(4), to(5), to(6, .irc, .scr), to(6, .scr),
                to(8, .irc, .scr), to(6, .tld, .scr),
            ]
        default: laterRow(event)
        }
    }

    private static func laterRow(_ event: Event) -> [Cell?] {
        switch event {
        case .rtr:
            [
                nil, nil, to(2, .sta), to(3, .sta), to(4, .sta), to(5, .sta), to(6, .sta), to(6, .sta),
                to(6, .sta), to(5, .tld, .zrc, .sta),
            ]
        case .rta:
            [nil, nil, to(2), to(3), to(2, .tlf), to(3, .tlf), to(6), to(6), to(8), to(6, .tld, .scr)]
        case .ruc:
            [
                nil, nil, to(2, .scj), to(3, .scj), to(4, .scj), to(5, .scj), to(6, .scj), to(7, .scj),
                to(8, .scj), to(9, .scj),
            ]
        case .rxjPlus: [nil, nil, to(2), to(3), to(4), to(5), to(6), to(6), to(8), to(9)]
        case .rxjMinus:
            [
                nil, nil, to(2, .tlf), to(3, .tlf), to(2, .tlf), to(3, .tlf), to(3, .tlf), to(3, .tlf),
                to(3, .tlf), to(5, .tld, .irc, .str),
            ]
        case .rxr: [nil, nil, to(2), to(3), to(4), to(5), to(6), to(7), to(8), to(9, .ser)]
        case .up, .down, .open, .close, .toPlus, .toMinus, .rcrPlus, .rcrMinus, .rca, .rcn: row(event)
        }
    }

    /// By the RFC's number of the state.
    private static func to(_ number: Int, _ actions: Action...) -> Cell {
        Cell(next: State.allCases[number], actions: actions)
    }
}
