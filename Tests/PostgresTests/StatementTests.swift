import Postgres
import TestSupport
import Testing

@Suite("Statements", .timeLimit(.minutes(5)))
struct StatementTests {
    @Test func `interpolation makes parameters and nothing else`() {
        let name = "'; drop table seats; --"
        let limit: Int? = nil
        let filter: SQL = "owner = \(name) and row > \(3)"
        let sql: SQL = "select \(1) from \(identifier: "odd\"name") where \(fragment: filter) limit \(limit)"
        #expect(sql.text == #"select $1 from "odd""name" where owner = $2 and row > $3 limit $4"#)
        let joined = SQL.joined(["a = \(1)", "b = \(2)"], separator: " and ") + " or c = \(3)"
        #expect(joined.text == "a = $1 and b = $2 or c = $3")
    }

    @Test func `nested pieces keep their values`() async throws {
        try await withEmptyDatabase { database in
            let inner: SQL = "\("b"), \(nil as Int?), \([1, 2])"
            let row = try await database.client.first(
                Query("nested", "SELECT \("a"), \(fragment: inner), \(fragment: inner), \("z")")
            )
            let values = try #require(row)
            #expect(try values[0] == "a")
            #expect(try values[1] == "b")
            #expect(try values[2] == nil as Int?)
            #expect(try values[3] == [1, 2])
            #expect(try values[4] == "b")
            #expect(try values[6] == [1, 2])
            #expect(try values[7] == "z")
        }
    }

    @Test func `names with quotes, blanks and capitals are quoted`() async throws {
        try await withEmptyDatabase { database in
            let name = #"My "odd" table's; --"#
            try await database.client.execute(Query("make", "CREATE TABLE \(identifier: name) (a int)"))
            let count = try await database.client.execute(
                Query("fill", "INSERT INTO \(identifier: name) SELECT generate_series(1, 3)")
            )
            #expect(count == 3)
        }
    }

    @Test func `a schema may have any name`() async throws {
        try await withEmptyDatabase { database in
            var configuration = database.configuration
            let schema = database.schema + #" Odd \ "name""#
            configuration.schema = schema
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            try await client.execute(Query("schema", "CREATE SCHEMA \(identifier: schema)"))
            let row = try await client.first(Query("current", "SELECT current_schema()::text"))
            #expect(try row?[0] == schema)
            try await client.execute(Query("drop", "DROP SCHEMA \(identifier: schema)"))
            await client.shutdown()
        }
    }

    @Test func `the server's complaint arrives whole`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(
                Query("make", "CREATE TABLE t (id int CONSTRAINT t_once PRIMARY KEY)")
            )
            let insert = Query("t.insert", "INSERT INTO t VALUES (\(Int32(1)))")
            try await database.client.execute(insert)
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.execute(insert)
            }
            #expect(error?.code == .server)
            #expect(error?.sqlState == .uniqueViolation)
            #expect(error?.constraint == "t_once")
            #expect(error?.table == "t")
            #expect(error?.detail == "Key (id)=(1) already exists.")
            #expect(error?.statement == "t.insert")
            #expect(error?.file == "PostgresTests/StatementTests.swift")
            #expect(error?.line != nil)
            let text = "t.insert: duplicate key value violates unique constraint \"t_once\" [23505]"
            #expect(error?.description == text)
            let typo = await #expect(throws: PostgresError.self) {
                try await database.client.execute(Query("typo", "SELEC 1"))
            }
            #expect(typo?.sqlState == .syntaxError)
            #expect(typo?.statement == "typo")
        }
    }

    @Test func `a pipeline is one round trip and one transaction`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(Query("make", "CREATE TABLE t (id int PRIMARY KEY)"))
            let insert = { (id: Int32) in Query("insert", "INSERT INTO t VALUES (\(id)) RETURNING id") }
            let count = Query("count", "SELECT count(*) FROM t")
            let results = try await database.client.pipeline([insert(1), insert(2), count])
            #expect(results.count == 3)
            #expect(try results[1][0][0] == 2)
            #expect(try results[2][0][0] == 2)
            #expect(try await database.client.pipeline([]).isEmpty)

            // The error of the second aborts the third; all results are taken, and nothing stays.
            try await database.client.withConnection { connection in
                let error = await #expect(throws: PostgresError.self) {
                    try await connection.pipeline([insert(3), insert(1), insert(4)])
                }
                #expect(error?.sqlState == .uniqueViolation)
                let broken = Query("broken", "SELECT 1 / 0")
                let again = await #expect(throws: PostgresError.self) {
                    try await connection.pipeline([count, broken, count, broken])
                }
                #expect(again?.sqlState == .divisionByZero)
                #expect(again?.statement == "broken")
                let row = try await connection.first(count)
                #expect(try row?[0] == 2)
            }
        }
    }

    @Test func `a statement is prepared once, and the least used one is forgotten`() async throws {
        try await withEmptyDatabase { database in
            var configuration = database.configuration
            configuration.statementCacheLimit = 3
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            let prepared = Query(
                "prepared",
                "SELECT coalesce(array_agg(statement ORDER BY statement), '{}') FROM pg_prepared_statements"
            )
            try await client.execute(prepared)
            try await client.execute(Query("a", "SELECT 'a'"))
            for _ in 0..<5 { try await client.execute(Query("b", "SELECT \(1), 'b'")) }
            let three: [String] = try #require(try await client.first(prepared))[0]
            #expect(three.filter { !$0.contains("pg_prepared") } == ["SELECT $1, 'b'", "SELECT 'a'"])
            // The same text with another type of parameter is another statement, and takes the place of `a`.
            try await client.execute(Query("b", "SELECT \("text"), 'b'"))
            let next: [String] = try #require(try await client.first(prepared))[0]
            #expect(next.filter { !$0.contains("pg_prepared") } == ["SELECT $1, 'b'", "SELECT $1, 'b'"])
            // A pipeline of more statements than the cache holds works, too.
            let many = (0..<10).map { Query("many", SQL(stringLiteral: "SELECT \($0)")) }
            let results = try await client.pipeline(many)
            #expect(try results.map { try $0[0][0] as Int } == Array(0..<10))
            #expect(try await client.pipeline(many).count == 10)
            await client.shutdown()
        }
    }

    @Test func `an isolation level can be had however full the connection is`() async throws {
        try await withEmptyDatabase { database in
            var configuration = database.configuration
            configuration.statementCacheLimit = 3
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            try await client.execute(Query("make", "CREATE TABLE t (a int)"))
            let select = Query("select", "SELECT * FROM t")
            for column in ["b", "c"] {
                try await client.pipeline((0..<3).map { Query("fill", SQL(stringLiteral: "SELECT \($0)")) })
                try await client.withTransaction(.init(isolation: .repeatableRead)) { transaction in
                    let rows = try await transaction.query(select)
                    #expect(rows.isEmpty)
                }
                // The plan is of the table as it was: all is forgotten and done again, in the same isolation.
                try await client.execute(
                    Query("alter", SQL(stringLiteral: "ALTER TABLE t ADD COLUMN \(column) int"))
                )
                try await client.withTransaction(.init(isolation: .repeatableRead)) { transaction in
                    #expect(try await transaction.query(select).isEmpty)
                    let level = try await transaction.first(Query("level", "SHOW transaction_isolation"))
                    #expect(try level?[0] == "repeatable read")
                }
            }
            await client.shutdown()
        }
    }

    @Test func `a schema that changes under a prepared statement is not noticed by callers`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(Query("make", "CREATE TABLE t (a int)"))
            let select = Query("select", "SELECT * FROM t")
            #expect(try await database.client.query(select).isEmpty)
            try await database.client.execute(Query("alter", "ALTER TABLE t ADD COLUMN b int"))
            #expect(try await database.client.query(select).isEmpty)
            try await database.client.execute(Query("alter", "ALTER TABLE t ADD COLUMN c int"))
            try await database.client.withTransaction { transaction in
                try await transaction.execute(Query("insert", "INSERT INTO t (a) VALUES (1)"))
            }
            try await database.client.execute(Query("alter", "ALTER TABLE t ADD COLUMN d int"))
            try await database.client.withTransaction { transaction in
                let outcome = try await transaction.query(select).first
                #expect(outcome?.count == 4)
            }
        }
    }

    @Test func `large values and many rows come through`() async throws {
        try await withEmptyDatabase { database in
            let bytes = [UInt8](repeating: 0xAB, count: 8_000_000)
            let row = try #require(
                try await database.client.first(Query("large", "SELECT \(bytes), length(\(bytes))"))
            )
            #expect(try row[0] == bytes)
            #expect(try row[1] == bytes.count)
            let numbers = Array(0..<100_000)
            let rows = try await database.client.query(
                Query("many", "SELECT n FROM unnest(\(numbers)) WITH ORDINALITY AS u (n, i) ORDER BY i")
            )
            #expect(try rows.map { try $0[0] as Int } == numbers)
        }
    }

    @Test func `tasks share a pool smaller than they are many`() async throws {
        try await withEmptyDatabase { database in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try #require(try await database.client.first(Query("one", "SELECT \(number)")))[0]
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 199 * 200 / 2)
            #expect(database.client.statistics.leased == 0)
            #expect(database.client.statistics.idle <= 4)
        }
    }

    @Test func `a COPY where it can't be is refused`() async throws {
        try await withEmptyDatabase { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.execute(Query("copy", "COPY (SELECT 1) TO STDOUT"))
            }
            #expect(error?.code == .misuse)
            let outcome = try await database.client.query(Query("one", "SELECT 1"))
            #expect(outcome.count == 1)
        }
    }
}
