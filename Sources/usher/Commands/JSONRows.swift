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
        for line in TextTable.lines(table) { print(line) }
    }
}

/// One value as one line of JSON.
enum JSONLine {
    /// Members are in alphabetical order.
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Rows laid out in columns.
enum TextTable {
    /// The lines of a table, of which the first row is the heading; numbers are set flush right.
    static func lines(_ table: [[String]]) -> [String] {
        guard let heading = table.first else { return [] }
        let widths = heading.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { row in
            let padded = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return Double(cell) == nil ? cell + space : space + cell
            }
            var line = padded.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
