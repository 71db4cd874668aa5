/// Rows under their headings, each column as wide as its widest cell. Columns of numbers stand to the right.
struct TextTable {
    private let headings: [String]
    private let rows: [[String]]

    init(_ headings: [String], _ rows: [[String]]) {
        self.headings = headings
        self.rows = rows
    }

    /// Empty if there are no rows, so that a script counts lines rightly.
    var text: String {
        guard !rows.isEmpty else { return "" }
        let cells = ([headings] + rows).map { row in row.map(Self.visible) }
        let widths = headings.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        let isNumeric = headings.indices.map { column in rows.allSatisfy { Int($0[column]) != nil } }
        return cells.map { row in
            let padded = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return isNumeric[column] ? space + row[column] : row[column] + space
            }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// A dash for nothing; no control character reaches the terminal.
    static func visible(_ cell: String) -> String {
        cell.isEmpty
            ? "-"
            : String(
                String.UnicodeScalarView(
                    cell.unicodeScalars.map { scalar in
                        switch scalar.properties.generalCategory {
                        case .control, .format, .lineSeparator, .paragraphSeparator: "\u{fffd}"
                        default: scalar
                        }
                    }))
    }
}

/// One thing, a line for each of its properties.
func properties(_ pairs: [(String, String)]) -> String {
    let width = pairs.map(\.0.count).max() ?? 0
    return pairs.map { name, value in
        name + String(repeating: " ", count: width - name.count + 2) + TextTable.visible(value)
    }.joined(separator: "\n")
}

func yesOrNo(_ truth: Bool) -> String { truth ? "yes" : "no" }
