package import Postgres

/// Gives out places, a batch at a time.
///
/// A batch settles duplicates first. Its last statements take the numbers, insert the places and commit in one
/// round trip, so that the one arrival row of an on-sale is locked for no longer than that.
package struct Joins: Sendable {
    private let postgres: PostgresClient

    /// How often a batch is tried again when another gateway was faster with one of its buyers.
    private static let attempts = 8

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Commits a batch.
    ///
    /// - Returns: One outcome for each request, in order; the same buyer always gets the same place.
    /// - Throws: `PostgresError`; with code `commitUnknown` the same requests can simply be sent again.
    package func commit(_ requests: [JoinRequest]) async throws -> [JoinOutcome] {
        var attempt = 1
        while true {
            do {
                if let outcomes = try await attemptCommit(requests) { return outcomes }
            } catch let error as PostgresError where attempt < Self.attempts && error.isLostRace {
                attempt += 1
            }
        }
    }

    /// Nil when a door moved between looking and taking numbers; nothing is committed for that on-sale then.
    private func attemptCommit(_ requests: [JoinRequest]) async throws -> [JoinOutcome]? {
        var batch = JoinBatch(requests)
        let settled = try await postgres.withTransaction { tx in
            let inserts = try await batch.settle(in: tx)
            guard !inserts.isEmpty else { return true }
            let inserted = try await tx.commit(after: inserts.map(\.query))
            for (rows, insert) in zip(inserted, inserts) where rows.count == insert.count {
                try batch.place(rows, in: insert.onSale)
            }
            return zip(inserted, inserts).allSatisfy { $0.count == $1.count }
        }
        return settled ? batch.outcomes : nil
    }
}

extension PostgresError {
    /// Whether another batch was faster with one of the buyers, so that trying again finds their places.
    fileprivate var isLostRace: Bool { sqlState == .uniqueViolation || sqlState == .deadlockDetected }
}
