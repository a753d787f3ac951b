/// One row of a result.
///
/// Columns are read by position or by name, as what the context asks for:
/// ```swift
/// let id: Int64 = try row[0]
/// let dueAt: PostgresTimestamp? = try row["due_at"]
/// ```
public struct Row: Sendable {
    /// What rows of one result share, so that passing a row on costs one reference.
    final class Source: Sendable {
        let result: ResultSet
        let query: Query

        init(_ result: ResultSet, of query: Query) {
            self.result = result
            self.query = query
        }
    }

    private let source: Source
    private let index: Int

    init(_ source: Source, at index: Int) {
        self.source = source
        self.index = index
    }

    private var result: ResultSet { source.result }
    private var query: Query { source.query }

    /// Reads a column by position, from 0.
    ///
    /// - Throws: ``PostgresError`` with code `decoding` when the column can't be read as what was asked for.
    public subscript<Value: PostgresDecodable>(_ column: Int) -> Value {
        get throws {
            precondition(column >= 0 && column < result.columnCount, "\(query.name) has no column \(column)")
            do {
                return try result.decode(row: index, column: column)
            } catch {
                throw failure("column \(result.name(of: column)) \(error.reason)")
            }
        }
    }

    /// Reads a column by name; the first of that name.
    ///
    /// A position is faster.
    ///
    /// - Throws: ``PostgresError`` with code `decoding` when the column can't be read as what was asked for.
    public subscript<Value: PostgresDecodable>(_ name: String) -> Value {
        get throws {
            guard let column = result.column(named: name) else { throw failure("there is no column \(name)") }
            return try self[column]
        }
    }

    /// How many columns there are.
    public var count: Int { result.columnCount }

    /// The names of the columns, in order.
    public var columnNames: [String] {
        (0..<count).map { result.name(of: $0) }
    }

    private func failure(_ message: String) -> PostgresError {
        PostgresError(.decoding, message).about(query)
    }
}
