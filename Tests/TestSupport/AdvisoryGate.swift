internal import Jobs
package import Postgres
internal import Reactor

/// A place in the database at which statements stand still while a test holds it closed: an advisory lock.
///
/// Triggers send statements there: ``hold(_:)`` inside the statement, ``holdCommits(_:)`` when all is done and only
/// the commit is missing.
package struct AdvisoryGate: Sendable {
    /// The lock's number.
    package let key: Int64

    /// A gate of its own.
    package init() { key = .random(in: 1 ... .max) }

    /// A script that sends whatever is inserted or updated there to the gate.
    package func hold(_ table: String) -> String {
        """
        \(function)
        CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON \(SQL.quoted(identifier: table))
        FOR EACH ROW EXECUTE FUNCTION stand_at_gate();
        """
    }

    /// A script that sends the commits of what matches there to the gate: an event such as `INSERT ON claims`, of rows
    /// that match a condition such as `NEW.key = 'first'`.
    package func holdCommits(_ event: String, when condition: String) -> String {
        """
        \(function)
        CREATE CONSTRAINT TRIGGER gate AFTER \(event) DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (\(condition)) EXECUTE FUNCTION stand_at_gate();
        """
    }

    private var function: String {
        """
        CREATE FUNCTION stand_at_gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(\(key)); RETURN NEW; END $$;
        """
    }

    /// Runs `body` while nobody gets past, then opens.
    ///
    /// A server that dies meanwhile opens it, too.
    package func whileClosed<Value>(
        _ postgres: PostgresClient,
        _ body: () async throws -> Value
    ) async throws -> Value {
        try await postgres.withConnection { holder in
            _ = try await holder.query(Query("test_close", "SELECT pg_advisory_lock(\(key))"))
            let value: Value
            do {
                value = try await body()
            } catch {
                // What the body threw is what matters, and the session's end opens the gate as well.
                _ = try? await holder.query(Query("test_open", "SELECT pg_advisory_unlock(\(key))"))
                throw error
            }
            do {
                _ = try await holder.query(Query("test_open", "SELECT pg_advisory_unlock(\(key))"))
            } catch let error as PostgresError where error.code != .server {
                // The session is gone, and the lock with it.
            } catch let error as PostgresError where error.severity == "FATAL" {
                // As above, and the server had time to say so.
            }
            return value
        }
    }

    /// The sessions that stand there.
    package func waiting(_ postgres: PostgresClient) async throws -> [Int32] {
        try await postgres.query(
            Query(
                "test_waiting",
                """
                SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                    AND (classid::bigint << 32 | objid::bigint) = \(key) ORDER BY pid
                """
            )
        ).map { try $0[0] }
    }
}
