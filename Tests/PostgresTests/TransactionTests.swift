import Postgres
import TestSupport
import Testing

@Suite("Transactions", .timeLimit(.minutes(5)))
struct TransactionTests {
    private struct Boom: Error {}

    private let make = Query("make", "CREATE TABLE t (id int PRIMARY KEY)")
    private let count = Query("count", "SELECT count(*) FROM t")
    private func insert(_ id: Int32) -> Query { Query("insert", "INSERT INTO t VALUES (\(id))") }

    private func boom(_ transaction: inout Transaction) async throws {
        try await transaction.savepoint { inner in
            try await inner.execute(insert(4))
            throw Boom()
        }
    }

    private func counted(_ database: TestDatabase) async throws -> Int {
        try #require(try await database.client.first(count))[0]
    }

    @Test func `what returns is committed, what throws is undone`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let value = try await database.client.withTransaction { transaction in
                try await transaction.execute(insert(1))
                return "done"
            }
            #expect(value == "done")
            await #expect(throws: Boom.self) {
                try await database.client.withTransaction { transaction in
                    try await transaction.pipeline([insert(2), insert(3)])
                    throw Boom()
                }
            }
            await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction { transaction in
                    try await transaction.execute(insert(4))
                    try await transaction.execute(insert(1))
                }
            }
            #expect(try await counted(database) == 1)
            #expect(database.client.statistics.leased == 0)
        }
    }

    @Test func `a transaction without statements costs nothing`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.withTransaction { _ in }
            await #expect(throws: Boom.self) {
                try await database.client.withTransaction { _ in throw Boom() }
            }
            #expect(try await database.client.query(Query("one", "SELECT 1")).count == 1)
        }
    }

    @Test func `stored closures take a transaction, and a savepoint undoes a part`() async throws {
        let steps: [@Sendable (inout Transaction) async throws -> Int] = [
            { transaction in try await transaction.execute(Query("insert", "INSERT INTO t VALUES (1)")) },
            { transaction in
                try await transaction.savepoint { inner in
                    try await inner.execute(Query("insert", "INSERT INTO t VALUES (2)"))
                }
            },
        ]
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            try await database.client.withTransaction { transaction in
                for step in steps { #expect(try await step(&transaction) == 1) }
                await #expect(throws: PostgresError.self) {
                    try await transaction.savepoint { inner in
                        try await inner.execute(insert(3))
                        try? await boom(&inner)
                        try await inner.execute(insert(3))
                    }
                }
                try await transaction.execute(insert(5))
            }
            let rows = try await database.client.query(Query("ids", "SELECT id FROM t ORDER BY id"))
            #expect(try rows.map { try $0[0] as Int } == [1, 2, 5])
        }
    }

    @Test func `options reach the server`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let options = TransactionOptions(
                isolation: .serializable,
                readOnly: true,
                lockTimeout: .milliseconds(1500),
                statementTimeout: .seconds(2),
                idleTimeout: .seconds(3)
            )
            try await database.client.withTransaction(options) { transaction in
                let row = try await transaction.first(
                    Query(
                        "settings",
                        """
                        SELECT current_setting('transaction_isolation'), current_setting('lock_timeout'),
                            current_setting('statement_timeout'),
                            current_setting('idle_in_transaction_session_timeout')
                        """
                    )
                )
                #expect(try row?[0] == "serializable")
                #expect(try row?[1] == "1500ms")
                #expect(try row?[2] == "2s")
                #expect(try row?[3] == "3s")
            }
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction(options) { try await $0.execute(insert(1)) }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
            let row = try await database.client.first(
                Query("after", "SELECT current_setting('lock_timeout')")
            )
            #expect(try row?[0] == "0")
        }
    }

    @Test func `a lock that is not to be had in time is an error of its own`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            try await database.client.withTransaction { holder in
                try await holder.execute(Query("lock", "LOCK TABLE t"))
                let error = await #expect(throws: PostgresError.self) {
                    let options = TransactionOptions(lockTimeout: .milliseconds(10))
                    try await database.client.withTransaction(options) { try await $0.execute(insert(1)) }
                }
                #expect(error?.sqlState == .lockNotAvailable)
            }
        }
    }

    @Test func `a swallowed error can't pass for a commit`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction { transaction in
                    try await transaction.execute(insert(1))
                    _ = try? await transaction.execute(insert(1))
                }
            }
            #expect(error?.code == .rolledBack)
            #expect(try await counted(database) == 0)
        }
    }

    @Test func `the last statements and COMMIT are one round trip`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            try await database.client.withTransaction { transaction in
                try await transaction.execute(insert(1))
                let results = try await transaction.commit(after: [insert(2), count])
                #expect(try results[1][0][0] == 2)
                let error = await #expect(throws: PostgresError.self) {
                    try await transaction.execute(insert(3))
                }
                #expect(error?.code == .misuse)
            }
            #expect(try await counted(database) == 2)
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction { transaction in
                    try await transaction.commit(after: [insert(3), insert(1)])
                }
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(try await counted(database) == 2)
            #expect(database.client.statistics.leased == 0)
        }
    }

    @Test func `a connection that dies while committing leaves it unknown`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.simple(
                """
                CREATE TABLE t (id int);
                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION die();
                """
            )
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction { try await $0.execute(insert(1)) }
            }
            #expect(error?.code == .commitUnknown)
            #expect(error?.description.contains("unknown whether the transaction was committed") == true)
            #expect(try await counted(database) == 0)
        }
    }

    @Test func `a connection that dies before COMMIT is known to have done nothing`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction { transaction in
                    try await transaction.execute(insert(1))
                    _ = try? await transaction.execute(
                        Query("die", "SELECT pg_terminate_backend(pg_backend_pid())")
                    )
                }
            }
            #expect(error?.code == .connection)
            #expect(try await counted(database) == 0)
        }
    }

    @Test func `a deferred constraint speaks at COMMIT`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.simple(
                "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t DEFERRABLE INITIALLY DEFERRED)"
            )
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.withTransaction {
                    try await $0.execute(Query("insert", "INSERT INTO t VALUES (1, 2)"))
                }
            }
            #expect(error?.sqlState == .foreignKeyViolation)
            #expect(error?.code == .server)
            #expect(database.client.statistics.leased == 0)
        }
    }

    @Test func `a connection given back inside a transaction is not reused`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(make)
            try await database.client.withConnection { connection in
                try await connection.pipeline([Query("begin", "BEGIN"), insert(1)])
            }
            #expect(try await counted(database) == 0)
            try await database.client.withConnection { connection in
                try await connection.withTransaction { try await $0.execute(insert(1)) }
            }
            #expect(try await counted(database) == 1)
        }
    }
}
