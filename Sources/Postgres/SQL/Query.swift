/// A statement with a name, which errors and metrics call it by.
///
/// It is prepared once per connection, by its text. For example:
/// ```swift
/// try await client.query(Query("reservation.find", "select state from reservations where id = \(id)"))
/// ```
public struct Query: Sendable {
    /// What errors and metrics call the statement.
    public let name: StaticString
    /// The statement with `$1`, `$2`, … where the parameters go.
    public let text: String
    let parameters: [SQL.Parameter]
    let bytes: [UInt8]
    let file: StaticString
    let line: Int

    /// Makes a named statement.
    ///
    /// - Parameters:
    ///   - name: short and stable, such as `jobs.claim`.
    ///   - sql: the statement; values become parameters.
    ///   - file: the source file that errors name.
    ///   - line: the line that errors name.
    public init(_ name: StaticString, _ sql: SQL, file: StaticString = #fileID, line: Int = #line) {
        self.name = name
        text = sql.text
        parameters = sql.parameters
        bytes = sql.bytes
        self.file = file
        self.line = line
    }
}
