public import Postgres

/// Upkeep of an application's own tables, done by the scheduler that leads.
///
/// ```swift
/// let chore = Chore("old carts") { postgres in
///     try await postgres.execute(Query("carts_forget", "DELETE FROM carts WHERE …")) == 1000
/// }
/// ```
public struct Chore: Sendable {
    /// What it is called in the log.
    public let name: String
    let batch: @Sendable (PostgresClient) async throws -> Bool

    /// Makes a chore.
    ///
    /// `batch` does a bounded part and says whether there is more. It is called again at once when there is, else
    /// after half a minute; and it may run in two processes at a time for a moment, when the lead changes.
    public init(_ name: String, batch: @escaping @Sendable (PostgresClient) async throws -> Bool) {
        self.name = name
        self.batch = batch
    }
}
