internal import HTTP
internal import Postgres

/// Rows that a statement hands over as JSON, put into an answer as they are.
enum OperatorJSON {
    /// An object with one list for each name, of what each statement has found.
    static func lists(_ lists: KeyValuePairs<String, [Row]>) throws -> HTTPResponse {
        .json(
            try JSONWriter.object { json in
                for (name, rows) in lists {
                    json.field(name, raw: try array(rows))
                }
            }
        )
    }

    /// The rows' first columns as one array.
    static func array(_ rows: [Row]) throws -> [UInt8] {
        var bytes = [UInt8(ascii: "[")]
        for (index, row) in rows.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += (try row[0] as JSONB).bytes
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }
}
