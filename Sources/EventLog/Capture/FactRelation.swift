internal import Postgres

/// Reads facts from the rows that the stream brings of the table.
struct FactRelation: Sendable {
    /// Where each column of a fact is among the row's.
    private let seq: Int
    private let onSale: Int
    private let recordedAt: Int
    private let version: Int
    private let kind: Int
    private let data: Int

    /// Nil for another table than the log.
    ///
    /// - Parameters:
    ///   - relation: How the server describes a table; it describes parts of the log as well, of which no rows come.
    ///   - schema: Where the log is.
    /// - Throws: ``CaptureProblem/unreadable(_:)`` when it lacks a column.
    init?(_ relation: PgOutputMessage.Relation, schema: String) throws(CaptureProblem) {
        guard relation.namespace == schema, relation.name == "facts" else { return nil }
        func place(_ name: String) throws(CaptureProblem) -> Int {
            guard let place = relation.columns.firstIndex(where: { $0.name == name }) else {
                throw .unreadable("the publication leaves out the column \(name) of the log")
            }
            return place
        }
        seq = try place("seq")
        onSale = try place("on_sale_id")
        recordedAt = try place("recorded_at")
        version = try place("version")
        kind = try place("kind")
        data = try place("data")
    }

    /// The fact that a row is.
    ///
    /// - Throws: ``CaptureProblem/unreadable(_:)`` that says which column can't be.
    func fact(_ values: [PgOutputMessage.Value]) throws(CaptureProblem) -> Fact {
        Fact(
            seq: try number(values, seq, "seq"),
            onSale: try number(values, onSale, "on_sale_id"),
            kind: try text(values, kind, "kind"),
            version: try number(values, version, "version"),
            data: JSONB(text: try text(values, data, "data")),
            recordedAt: try instant(values)
        )
    }

    private func text(
        _ values: [PgOutputMessage.Value],
        _ place: Int,
        _ name: String
    ) throws(CaptureProblem) -> String {
        guard values.indices.contains(place), case .text(let text) = values[place] else {
            throw .unreadable("a fact of the stream has no \(name)")
        }
        return text
    }

    private func number<Number: FixedWidthInteger>(
        _ values: [PgOutputMessage.Value],
        _ place: Int,
        _ name: String
    ) throws(CaptureProblem) -> Number {
        let text = try text(values, place, name)
        guard let number = Number(text) else {
            throw .unreadable("the \(name) of a fact of the stream is \"\(text)\"")
        }
        return number
    }

    /// `2026-11-28 06:20:00.5+00`, as the server writes it in ISO style and UTC.
    private func instant(_ values: [PgOutputMessage.Value]) throws(CaptureProblem) -> PostgresTimestamp {
        let text = try text(values, recordedAt, "recorded_at")
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[1].hasSuffix("+00"),
            let instant = PostgresTimestamp(rfc3339: "\(parts[0])T\(parts[1].dropLast(3))Z")
        else { throw .unreadable("the recorded_at of a fact of the stream is \"\(text)\"") }
        return instant
    }
}
