/// Statements that go to the server together, and what has come back of them.
final class RoundTrip: @unchecked Sendable {
    // Sendable: made by the caller, then touched on the connection's loop only.

    /// What one result is the answer to.
    enum Step {
        case prepare(StatementCache.Key, name: String, Query)
        case query(Query, isWanted: Bool)
        case forget(StatementCache.Key, name: String)
        /// Something of our own, whose answer doesn't matter.
        case aside

        func about(_ error: PostgresError) -> PostgresError {
            switch self {
            case .prepare(_, _, let query), .query(let query, _): error.about(query)
            case .forget, .aside: error
            }
        }
    }

    let queries: [Query]
    let continuation: CheckedContinuation<[ResultSet], any Error>
    /// What begins the transaction that these statements are the first of, with the settings it needs.
    var begin: [Query] = []
    /// The operation it is on its connection.
    var ticket: UInt64 = 0
    /// Whether no transaction was under way before; then all of it can be done again.
    var wasIdle = false
    var isSecondTry = false
    var hasStalePlan = false

    var steps: [Step] = []
    var position = 0
    /// Whether the result of the current step is there, and only the end of its results is missing.
    var awaitsSeparator = false
    var results: [ResultSet] = []
    var complaint: PostgresError?
    /// Set when all is over but the delivery of a cancellation.
    var outcome: Result<[ResultSet], PostgresError>?

    init(_ queries: [Query], _ continuation: CheckedContinuation<[ResultSet], any Error>) {
        self.queries = queries
        self.continuation = continuation
    }

    /// The error, about the statement that was to be answered next.
    func about(_ error: PostgresError) -> PostgresError {
        guard error.statement == nil else { return error }
        return position < steps.count ? steps[position].about(error) : error.about(queries[0])
    }
}

/// Tells a round trip, whether it has begun or not, that its task was cancelled.
final class CancellationSwitch: @unchecked Sendable {
    // Sendable: touched on the connection's loop only.
    var isCancelled = false
    var trip: RoundTrip?
}
