package import Postgres

/// One thing that must never be seen in the tables of a live system.
package struct AuditCheck: Sendable {
    /// Which promise of the design it watches.
    package let promise: Int
    /// What is checked, as a sentence that holds when all is well.
    package let name: String
    /// Finds what breaks it: one text column, one row for each offender.
    package let query: Query

    package init(promise: Int, name: String, query: Query) {
        self.promise = promise
        self.name = name
        self.query = query
    }

    /// The rows that break the promise, described; empty when all is well.
    package func offenders(
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [String] {
        try await database.query(query).map { try $0[0] }
    }
}
