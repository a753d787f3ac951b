public import Postgres
internal import Reactor

/// A lease row by which one process of many leads, until it stops renewing.
///
/// The epoch grows at each change of leader. A leader renews well within the lease and stops leading by its own
/// clock when it could not.
public struct Leadership: Sendable {
    /// What is being led, such as `scheduler`.
    public let name: String
    /// Who this process is, unique among its rivals.
    public let holder: String
    /// How long a leader that died is waited for.
    public let lease: Duration
    private let postgres: PostgresClient

    /// Describes a candidate.
    public init(name: String, holder: String, lease: Duration = .seconds(5), postgres: PostgresClient) {
        self.name = name
        self.holder = holder
        self.lease = lease
        self.postgres = postgres
    }

    /// Takes or renews the lease.
    ///
    /// - Returns: the epoch under which this process leads, or nil while another does.
    /// - Throws: ``PostgresError``.
    public func campaign() async throws -> Int64? {
        let rows = try await postgres.query(
            Query(
                "leases_campaign",
                """
                INSERT INTO leases AS l (name, holder, epoch, expires_at)
                VALUES (\(name), \(holder), 1, clock_timestamp() + make_interval(secs => \(lease.seconds)))
                ON CONFLICT (name) DO UPDATE SET
                    epoch = l.epoch + CASE WHEN l.holder = excluded.holder THEN 0 ELSE 1 END,
                    holder = excluded.holder,
                    expires_at = excluded.expires_at
                WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
                RETURNING epoch
                """
            )
        )
        return try rows.first.map { try $0[0] }
    }

    /// Gives the lease up, so that a rival need not wait for its end.
    ///
    /// - Throws: ``PostgresError``.
    public func resign() async throws {
        _ = try await postgres.execute(
            Query(
                "leases_resign",
                "UPDATE leases SET expires_at = '-infinity' WHERE name = \(name) AND holder = \(holder)"
            )
        )
    }
}
