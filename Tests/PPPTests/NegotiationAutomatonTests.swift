import Testing

@testable import PPP

/// RFC 1661 §4.1, the table as it is printed there; its restart, passive and crossed-connection marks left
/// out.
private let printed = """
    up       |     2 | irc,scr/6 | - | - | - | - | - | - | - | -
    down     |     - |     - | 0 | tls/1 | 0 | 1 | 1 | 1 | 1 | tld/1
    open     | tls/1 |     1 | irc,scr/6 | 3 | 5 | 5 | 6 | 7 | 8 | 9
    close    |     0 | tlf/0 | 2 | 2 | 4 | 4 | irc,str/4 | irc,str/4 | irc,str/4 | tld,irc,str/4
    toPlus   |     - |     - | - | - | str/4 | str/5 | scr/6 | scr/6 | scr/8 | -
    toMinus  |     - |     - | - | - | tlf/2 | tlf/3 | tlf/3 | tlf/3 | tlf/3 | -
    rcrPlus  |     - |     - | sta/2 | irc,scr,sca/8 | 4 | 5 | sca/8 | sca,tlu/9 | sca/8 | tld,scr,sca/8
    rcrMinus |     - |     - | sta/2 | irc,scr,scn/6 | 4 | 5 | scn/6 | scn/7 | scn/6 | tld,scr,scn/6
    rca      |     - |     - | sta/2 | sta/3 | 4 | 5 | irc/7 | scr/6 | irc,tlu/9 | tld,scr/6
    rcn      |     - |     - | sta/2 | sta/3 | 4 | 5 | irc,scr/6 | scr/6 | irc,scr/8 | tld,scr/6
    rtr      |     - |     - | sta/2 | sta/3 | sta/4 | sta/5 | sta/6 | sta/6 | sta/6 | tld,zrc,sta/5
    rta      |     - |     - | 2 | 3 | tlf/2 | tlf/3 | 6 | 6 | 8 | tld,scr/6
    ruc      |     - |     - | scj/2 | scj/3 | scj/4 | scj/5 | scj/6 | scj/7 | scj/8 | scj/9
    rxjPlus  |     - |     - | 2 | 3 | 4 | 5 | 6 | 6 | 8 | 9
    rxjMinus |     - |     - | tlf/2 | tlf/3 | tlf/2 | tlf/3 | tlf/3 | tlf/3 | tlf/3 | tld,irc,str/5
    rxr      |     - |     - | 2 | 3 | 4 | 5 | 6 | 7 | 8 | ser/9
    """

@Suite struct NegotiationAutomatonTests {
    @Test func `all 160 cells are those that RFC 1661 prints`() {
        let events = NegotiationAutomaton.Event.allCases
        let lines = printed.split(separator: "\n")
        #expect(lines.count == events.count)
        var cells = 0
        for (line, event) in zip(lines, events) {
            let columns = line.split(separator: "|").map { $0.filter { $0 != " " } }
            #expect(columns[0] == "\(event)")
            for (state, cell) in zip(NegotiationAutomaton.State.allCases, columns.dropFirst()) {
                let ours = NegotiationAutomaton.table[event.rawValue][state.rawValue].map { cell in
                    let actions = cell.actions.map { "\($0)" }.joined(separator: ",")
                    return actions.isEmpty ? "\(cell.next.rawValue)" : "\(actions)/\(cell.next.rawValue)"
                }
                #expect(ours ?? "-" == cell, "\(event) in \(state)")
                cells += 1
            }
        }
        #expect(cells == 160)
    }

    @Test func `what cannot happen changes nothing`() {
        var automaton = NegotiationAutomaton()
        #expect(automaton.handle(.rcrPlus).isEmpty)
        #expect(automaton.state == .initial)
    }
}
