package import Postgres
internal import Reactor

/// Where each part of a consumer has come to, and who works on it.
///
/// A part is worked on under a lease. Its epoch grows with each holder and each replay, and a position is written under
/// its epoch only: who was replaced, and has not noticed, changes nothing.
package struct FactCursors: Sendable {
    /// A part that a member works on.
    package struct Part: Sendable, Equatable {
        package let number: Int
        package let epoch: Int64
        package var position: Int64
    }

    /// What is asked for can't be done.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Where a replay begins.
    package enum Start: Sendable, Equatable {
        /// At the first fact there is; what was written is forgotten first.
        case beginning
        /// At what was recorded from then on, or up to a minute before.
        case instant(PostgresTimestamp)
        /// Behind a number.
        case after(Int64)
    }

    let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Makes the positions of a consumer that has none: where another consumer's are, else at the first fact that the log has.
    ///
    /// - Parameters:
    ///   - name: The consumer.
    ///   - parts: How many it has.
    ///   - other: Whose positions it begins with, part by part; nil is nobody's.
    /// - Throws: ``Refusal`` when it has them, and another number of parts.
    package func register(_ name: String, parts: Int, like other: String? = nil) async throws {
        let known: Int = try await postgres.query(
            Query(
                "cursors.register",
                """
                WITH made AS (
                    INSERT INTO fact_consumers (name, parts, created_at) VALUES (\(name), \(parts), usher_now())
                    ON CONFLICT (name) DO NOTHING RETURNING name
                ), cursors AS (
                    INSERT INTO fact_cursors (consumer, part, position)
                    SELECT m.name, p.part, coalesce(
                        (SELECT o.position FROM fact_cursors o JOIN fact_consumers c ON c.name = o.consumer
                            WHERE o.consumer = \(other) AND o.part = p.part AND c.parts = \(parts)),
                        r.first * fact_range_size() - 1)
                    FROM made m, generate_series(0, \(parts) - 1) AS p (part),
                        (SELECT min(ordinal) FROM fact_ranges) AS r (first)
                )
                SELECT coalesce((SELECT c.parts FROM fact_consumers c WHERE c.name = \(name)), \(parts))
                """
            )
        )[0][0]
        guard known == parts else {
            throw Refusal(
                description:
                    "the consumer \(name) has \(known) parts, not \(parts): drop it with `usher events drop \(name)` to have it anew"
            )
        }
    }

    /// Says that a member is there, keeps its parts, takes more up to its share and gives back what is beyond it.
    ///
    /// - Parameters:
    ///   - name: The consumer.
    ///   - member: Unique among those who work for it.
    ///   - lease: How long it is waited for when it says nothing more.
    /// - Returns: The parts that it has now.
    /// - Throws: `PostgresError`.
    package func assign(_ name: String, to member: String, lease: Duration) async throws -> [Part] {
        let seconds = lease.seconds
        // What each of those who live may have.
        let share: SQL = """
            SELECT ceil(c.parts::float8 / greatest(count(*), 1))::integer AS parts
            FROM fact_consumers c JOIN fact_members m ON m.consumer = c.name
            WHERE c.name = \(name) AND m.seen_at > clock_timestamp() - make_interval(secs => \(seconds))
            GROUP BY c.parts
            """
        let answers = try await postgres.pipeline([
            Query(
                "cursors.member",
                """
                INSERT INTO fact_members AS m (consumer, member, seen_at)
                SELECT name, \(member), clock_timestamp() FROM fact_consumers WHERE name = \(name)
                ON CONFLICT (consumer, member) DO UPDATE SET seen_at = excluded.seen_at
                """
            ),
            Query(
                "cursors.renew",
                """
                WITH share AS (\(fragment: share)), mine AS MATERIALIZED (
                    SELECT f.consumer, f.part, row_number() OVER (ORDER BY f.part) AS ordinal FROM fact_cursors f
                    WHERE f.consumer = \(name) AND f.holder = \(member)
                )
                UPDATE fact_cursors f
                SET leased_until = CASE WHEN m.ordinal <= s.parts THEN clock_timestamp() + make_interval(secs => \(seconds))
                        ELSE '-infinity' END,
                    holder = CASE WHEN m.ordinal <= s.parts THEN f.holder END
                FROM mine m, share s
                WHERE f.consumer = m.consumer AND f.part = m.part AND f.holder = \(member)
                """
            ),
            Query(
                "cursors.take",
                """
                WITH share AS (\(fragment: share)), mine AS (
                    SELECT count(*) AS parts FROM fact_cursors f WHERE f.consumer = \(name) AND f.holder = \(member)
                ), free AS MATERIALIZED (
                    SELECT f.consumer, f.part FROM fact_cursors f
                    WHERE f.consumer = \(name) AND f.leased_until < clock_timestamp() AND f.holder IS DISTINCT FROM \(member)
                    ORDER BY f.part LIMIT (SELECT greatest(s.parts - m.parts, 0) FROM share s, mine m)
                    FOR UPDATE SKIP LOCKED
                )
                UPDATE fact_cursors f SET holder = \(member), epoch = f.epoch + 1,
                    leased_until = clock_timestamp() + make_interval(secs => \(seconds))
                FROM free WHERE f.consumer = free.consumer AND f.part = free.part
                """
            ),
            Query(
                "cursors.held",
                """
                SELECT part, epoch, position FROM fact_cursors
                WHERE consumer = \(name) AND holder = \(member) AND leased_until > clock_timestamp() ORDER BY part
                """
            ),
        ])
        return try answers[3].map { Part(number: try $0[0], epoch: try $0[1], position: try $0[2]) }
    }

    /// Gives everything back, so that nobody waits for the leases to end.
    package func leave(_ name: String, member: String) async throws {
        _ = try await postgres.pipeline([
            Query(
                "cursors.give_back",
                """
                UPDATE fact_cursors SET holder = NULL, leased_until = '-infinity'
                WHERE consumer = \(name) AND holder = \(member)
                """
            ),
            Query(
                "cursors.leave",
                "DELETE FROM fact_members WHERE consumer = \(name) AND member = \(member)"
            ),
        ])
    }

    /// Moves a part's position; false when somebody else has it by now.
    ///
    /// Uses the primary key of `fact_cursors`.
    static func move(
        _ part: Part,
        of name: String,
        to position: Int64,
        in executor: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Bool {
        try await executor.execute(
            Query(
                "cursors.move",
                """
                UPDATE fact_cursors SET position = \(position), moved_at = clock_timestamp(), failures = 0, problem = NULL
                WHERE consumer = \(name) AND part = \(part.number) AND epoch = \(part.epoch)
                """
            )
        ) == 1
    }

    /// Keeps why a part doesn't get on.
    ///
    /// - Returns: How often it has failed in a row; nil when somebody else has it by now.
    func fail(_ part: Part, of name: String, _ problem: String) async throws -> Int? {
        try await postgres.first(
            Query(
                "cursors.fail",
                """
                UPDATE fact_cursors SET failures = failures + 1, problem = \(String(problem.prefix(1_000)))
                WHERE consumer = \(name) AND part = \(part.number) AND epoch = \(part.epoch)
                RETURNING failures
                """
            )
        ).map { try $0[0] }
    }

    /// Has a consumer told again from some point on.
    ///
    /// Whoever works on it loses its parts with what is under way, and takes them again from there.
    ///
    /// - Parameters:
    ///   - consumer: Whose positions.
    ///   - start: From where; from the beginning, what it has written is forgotten in the same commit.
    /// - Returns: The number behind which it goes on.
    /// - Throws: ``Refusal`` when there is no such consumer, or part of what is asked for is gone.
    package func replay(_ consumer: any FactConsumer, from start: Start) async throws -> Int64 {
        let first = try await FactLog(postgres: postgres).start()
        let position: Int64
        switch start {
        case .beginning: position = first
        case .instant(let instant):
            position = max(first, try await FactLog(postgres: postgres).position(before: instant))
        case .after(let number):
            guard number >= first else {
                throw Refusal(description: "facts up to \(first) are gone; the log begins behind that")
            }
            position = number
        }
        return try await postgres.withTransaction { transaction in
            let parts = try await transaction.query(
                Query(
                    "cursors.lock",
                    "SELECT part FROM fact_cursors WHERE consumer = \(consumer.name) ORDER BY part FOR UPDATE"
                )
            )
            guard !parts.isEmpty else {
                throw Refusal(description: "there is no consumer \(consumer.name) yet: nobody has run it")
            }
            if start == .beginning { try await consumer.reset(in: &transaction) }
            try await transaction.execute(
                Query(
                    "cursors.replay",
                    """
                    UPDATE fact_cursors SET position = \(position), epoch = epoch + 1, holder = NULL,
                        leased_until = '-infinity', failures = 0, problem = NULL
                    WHERE consumer = \(consumer.name)
                    """
                )
            )
            return position
        }
    }

    /// Forgets a consumer's positions; what it has written stays.
    ///
    /// - Returns: False when there is no such consumer.
    package func drop(_ name: String) async throws -> Bool {
        try await postgres.execute(
            Query("cursors.drop", "DELETE FROM fact_consumers WHERE name = \(name)")
        ) == 1
    }
}
