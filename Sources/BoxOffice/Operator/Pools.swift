package import Postgres

/// How many worker processes each pool ought to have; whoever supervises them obeys.
package struct Pools: Sendable {
    /// A pool as it is wanted.
    package struct Pool: Sendable, Equatable {
        package let name: String
        package let queues: [String]
        package let wanted: Int
    }

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Sets how many a pool ought to have, and records who did, in one commit.
    ///
    /// - Returns: The pool as it is wanted now; nil when there is none of that name.
    package func scale(_ name: String, to wanted: Int, by holder: APIKeys.Holder) async throws -> Pool? {
        try await postgres.withTransaction { tx in
            let row = try await tx.first(
                Query("pool.lock", "SELECT queues, wanted FROM pools WHERE name = \(name) FOR UPDATE")
            )
            guard let row else { return nil }
            let before: Int = try row[1]
            try await tx.execute(
                Query(
                    "pool.scale",
                    "UPDATE pools SET wanted = \(wanted), updated_at = usher_now() WHERE name = \(name)"
                )
            )
            try await AuditTrail.append(
                "scale",
                byOperator: holder,
                detail: ["pool": .string(name), "from": .integer(before), "to": .integer(wanted)],
                in: &tx
            )
            return Pool(name: name, queues: try row[0], wanted: wanted)
        }
    }
}
