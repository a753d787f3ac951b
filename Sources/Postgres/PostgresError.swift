/// What went wrong between us and the server.
public struct PostgresError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it is, for code to decide on.
    public enum Code: String, Sendable, Hashable {
        /// The settings can't be used as they are.
        case configuration
        /// No connection could be made, or it broke. A statement outside a transaction may have run.
        case connection
        /// The server refused a statement; see ``PostgresError/sqlState``.
        case server
        /// COMMIT was sent and the connection died before its answer: look up whether it happened.
        case commitUnknown
        /// The transaction had failed before, so that COMMIT rolled it back.
        case rolledBack
        /// The task was cancelled, and with it the statement on the server.
        case cancelled
        /// No connection of the pool became free in time.
        case poolTimeout
        /// The pool was shut down.
        case poolClosed
        /// A column can't be read as what was asked for.
        case decoding
        /// The connection was used in a way it can't be.
        case misuse
    }

    /// What kind of trouble it is.
    public var code: Code
    /// What the server, libpq or we have to say, on one line.
    public var message: String
    /// The server's five characters, when the server spoke.
    public var sqlState: SQLState?
    /// The name of the statement, when it was about one.
    public var statement: String?
    /// The server's severity, such as `ERROR` or `FATAL`.
    public var severity: String?
    /// The server's second sentence.
    public var detail: String?
    /// What the server suggests.
    public var hint: String?
    /// The constraint that was violated.
    public var constraint: String?
    /// The table it was about.
    public var table: String?
    /// The column it was about.
    public var column: String?
    /// Where in PL/pgSQL or SQL functions it happened.
    public var context: String?
    /// The source file of the statement.
    public var file: String?
    /// The line of the statement.
    public var line: Int?

    /// Makes an error.
    public init(
        _ code: Code,
        _ message: String,
        sqlState: SQLState? = nil,
        statement: String? = nil,
        file: String? = nil,
        line: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.statement = statement
        self.file = file
        self.line = line
    }

    /// One line, safe to show to an operator: what was tried, what was said, and the SQLSTATE.
    ///
    /// The detail may hold values of rows, so it is left out; it has a property of its own.
    public var description: String {
        var text = ""
        if let statement { text += "\(statement): " }
        if code == .commitUnknown { text += "unknown whether the transaction was committed: " }
        text += message
        if let sqlState { text += " [\(sqlState)]" }
        return text
    }

    /// The same error, about a statement.
    func about(_ query: Query) -> Self {
        var error = self
        error.statement = "\(query.name)"
        error.file = "\(query.file)"
        error.line = query.line
        return error
    }

    /// Several lines of libpq's on one, each once: it tries with TLS and without.
    static func oneLine(_ text: String) -> String {
        var parts: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let part = String(line.drop { $0 == " " || $0 == "\t" })
            if !part.isEmpty && !parts.contains(part) { parts.append(part) }
        }
        return parts.joined(separator: "; ")
    }
}
