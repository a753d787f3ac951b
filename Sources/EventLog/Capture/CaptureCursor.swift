internal import Postgres

/// How far a capture has told facts: the one part of a consumer of the log, so that it is listed, replayed and waited for by
/// the log's retention as others are.
struct CaptureCursor: Sendable {
    let postgres: PostgresClient
    let name: String
    /// What it was when this process took it.
    let epoch: Int64
    /// The number up to which all was told then.
    let position: Int64

    /// Where it stands; nil when nothing was ever told.
    static func find(_ name: String, in postgres: PostgresClient) async throws -> Int64? {
        let row = try await postgres.first(
            Query(
                "capture.find",
                """
                SELECT c.parts, p.position FROM fact_consumers c
                LEFT JOIN fact_cursors p ON p.consumer = c.name AND p.part = 0
                WHERE c.name = \(name)
                """
            )
        )
        guard let row else { return nil }
        let parts: Int = try row[0]
        guard parts == 1 else { throw CaptureProblem.consumerUnfit(name, parts: parts) }
        return try row[1]
    }

    /// Makes it, unless it is there.
    static func make(_ name: String, at position: Int64, in postgres: PostgresClient) async throws {
        try await postgres.pipeline([
            Query(
                "capture.make_consumer",
                """
                INSERT INTO fact_consumers (name, parts, created_at) VALUES (\(name), 1, usher_now())
                ON CONFLICT (name) DO NOTHING
                """
            ),
            Query(
                "capture.make_cursor",
                """
                INSERT INTO fact_cursors (consumer, part, position) VALUES (\(name), 0, \(position))
                ON CONFLICT (consumer, part) DO NOTHING
                """
            ),
        ])
    }

    /// Takes it: whoever held it can't move it any more.
    static func claim(_ name: String, holder: String, in postgres: PostgresClient) async throws -> Self {
        let row = try await postgres.first(
            Query(
                "capture.claim",
                """
                UPDATE fact_cursors SET epoch = epoch + 1, holder = \(holder), failures = 0, problem = NULL,
                    leased_until = clock_timestamp() + interval '30 seconds'
                WHERE consumer = \(name) AND part = 0
                RETURNING epoch, position
                """
            )
        )
        guard let row else { throw CaptureProblem.moved }
        return Self(postgres: postgres, name: name, epoch: try row[0], position: try row[1])
    }

    /// All up to a number has been told.
    func move(to seq: Int64) async throws {
        let moved = try await postgres.execute(
            Query(
                "capture.move",
                """
                UPDATE fact_cursors SET position = \(seq), moved_at = clock_timestamp(),
                    leased_until = clock_timestamp() + interval '30 seconds'
                WHERE consumer = \(name) AND part = 0 AND epoch = \(epoch)
                """
            )
        )
        guard moved == 1 else { throw CaptureProblem.moved }
    }

    /// Says that somebody is still at work, and finds out whether it was moved.
    func renew() async throws {
        let renewed = try await postgres.execute(
            Query(
                "capture.renew",
                """
                UPDATE fact_cursors SET leased_until = clock_timestamp() + interval '30 seconds'
                WHERE consumer = \(name) AND part = 0 AND epoch = \(epoch)
                """
            )
        )
        guard renewed == 1 else { throw CaptureProblem.moved }
    }

    /// Goes on behind what the log doesn't have any more.
    static func skip(_ name: String, to position: Int64, in postgres: PostgresClient) async throws {
        try await postgres.execute(
            Query(
                "capture.skip",
                """
                UPDATE fact_cursors SET position = \(position), epoch = epoch + 1
                WHERE consumer = \(name) AND part = 0 AND position < \(position)
                """
            )
        )
    }

    /// Forgets it.
    static func remove(_ name: String, in postgres: PostgresClient) async throws {
        try await postgres.execute(
            Query("capture.remove", "DELETE FROM fact_consumers WHERE name = \(name)")
        )
    }
}
