internal import Postgres

/// How many worker processes a pool ought to have: a row of the table that operators change.
struct PoolRow: Sendable, Hashable {
    let name: String
    let queues: [String]
    let wanted: Int

    /// What a new house begins with: the sale's own runs, and what talks to the outside.
    static let initial = [
        PoolRow(name: "sale", queues: ["default", "reservations"], wanted: 1),
        PoolRow(
            name: "outside",
            queues: ["payments", "notifications", "notifications.email", "notifications.sms", "pages"],
            wanted: 1
        ),
    ]

    /// Adds the initial pools where no pool was ever set.
    static func install(in postgres: PostgresClient) async throws {
        try await postgres.withTransaction { transaction in
            // Two houses on one schema begin with the same pools, not with twice as many.
            try await transaction.execute(Query("pools.lock", "LOCK TABLE pools IN SHARE ROW EXCLUSIVE MODE"))
            guard try await transaction.query(Query("pools.any", "SELECT 1 FROM pools LIMIT 1")).isEmpty
            else { return }
            for pool in initial {
                try await transaction.execute(
                    Query(
                        "pools.add",
                        """
                        INSERT INTO pools (name, queues, wanted)
                        VALUES (\(pool.name), \(pool.queues), \(Int32(pool.wanted)))
                        """
                    )
                )
            }
        }
    }

    /// The pools as they are wanted now.
    static func read(from postgres: PostgresClient) async throws -> [PoolRow] {
        try await postgres.query(Query("pools.read", "SELECT name, queues, wanted FROM pools ORDER BY name"))
            .map { row in
                let wanted: Int32 = try row[2]
                return PoolRow(name: try row[0], queues: try row[1], wanted: Int(wanted))
            }
    }
}
