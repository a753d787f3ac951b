internal import Foundation
internal import Postgres

/// Rows that a statement hands over as JSON: printed as they are, or laid out in columns.
struct JSONRows<Row: Decodable> {
    let lines: [String]

    init(_ rows: [Postgres.Row]) throws {
        lines = try rows.map { try ($0[0] as JSONB).text }
    }

    /// Prints one JSON document a line.
    func printLines() {
        for line in lines { print(line) }
    }

    /// Prints a table with a heading; numbers are set flush right.
    func printTable(_ heading: [String], _ cells: (Row) -> [String]) throws {
        let decoder = JSONDecoder()
        var table = [heading]
        for line in lines { table.append(cells(try decoder.decode(Row.self, from: Data(line.utf8)))) }
        let widths = heading.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        for row in table {
            let padded = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return Double(cell) == nil ? cell + space : space + cell
            }
            var line = padded.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            print(line)
        }
    }
}
