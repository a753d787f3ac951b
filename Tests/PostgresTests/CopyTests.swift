import Postgres
import TestSupport
import Testing

@Suite("COPY", .timeLimit(.minutes(5)))
struct CopyTests {
    private struct Boom: Error {}
    private let make = Query("make", "CREATE TABLE t (id int8, name text)")
    private let count = Query("count", "SELECT count(*) FROM t")
    private let copyText = Query("t.copy", "COPY t FROM STDIN")
    private let copyOut = Query("t.out", "COPY (SELECT id, name FROM t ORDER BY id) TO STDOUT")

    @Test func `text goes in and comes out`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let copied = try await database.client.copyIn(copyText) { writer in
                try await writer.write("1\tone\n2\t\\N\n".utf8)
                try await writer.write("3\tthree\n".utf8)
            }
            #expect(copied == 3)
            var lines: [String] = []
            let read = try await database.client.copyOut(copyOut) {
                lines.append(String(decoding: $0, as: UTF8.self))
            }
            #expect(read == 3)
            #expect(lines == ["1\tone\n", "2\t\\N\n", "3\tthree\n"])
        }
    }

    @Test func `a hundred thousand binary rows go in, also inside a transaction`() async throws {
        try await withEmptyDatabase { database in
            try await database.client.execute(make)
            let copy = Query("t.copy", "COPY t FROM STDIN WITH (FORMAT binary)")
            try await database.client.withTransaction { transaction in
                let copied = try await transaction.copyIn(copy) { writer in
                    for id in 0..<100_000 { try await writer.row(id, id % 2 == 0 ? "even" : nil) }
                }
                #expect(copied == 100_000)
            }
            let row = try await database.client.first(
                Query("sum", "SELECT count(*), sum(id)::int8, count(name) FROM t")
            )
            #expect(try row?[0] == 100_000)
            #expect(try row?[1] == 99_999 * 50_000)
            #expect(try row?[2] == 50_000)
            var seen = 0
            try await database.client.copyOut(copyOut) { _ in seen += 1 }
            #expect(seen == 100_000)
        }
    }

    @Test func `bad data is refused whole, and the connection stays good`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(make)
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.copyIn(copyText) { writer in
                    try await writer.write("1\tone\nx\ttwo\n".utf8)
                    // More than a socket holds, so that the error comes while there is still much to send.
                    for _ in 0..<50 { try await writer.write(Array(repeating: 10, count: 100_000)) }
                }
            }
            #expect(error?.sqlState == .invalidTextRepresentation)
            #expect(error?.statement == "t.copy")
            await #expect(throws: Boom.self) {
                try await database.client.copyIn(copyText) { writer in
                    try await writer.write("1\tone\n".utf8)
                    throw Boom()
                }
            }
            let row = try await database.client.first(count)
            #expect(try row?[0] == 0)
        }
    }

    @Test func `a reader may stop early`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            let endless = Query("endless", "COPY (SELECT generate_series(1, 1000000000)) TO STDOUT")
            var seen = 0
            await #expect(throws: Boom.self) {
                try await database.client.copyOut(endless) { _ in
                    seen += 1
                    if seen == 1000 { throw Boom() }
                }
            }
            #expect(seen == 1000)
            let rows = try await database.client.query(Query("one", "SELECT 1"))
            #expect(rows.count == 1)
        }
    }

    @Test func `a cancelled task ends its COPY`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            let task = Task {
                try await database.client.copyOut(Query("nap", "COPY (SELECT pg_sleep(600)) TO STDOUT")) {
                    _ in
                }
            }
            while database.client.statistics.leased == 0 { await Task.yield() }
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            let rows = try await database.client.query(Query("one", "SELECT 1"))
            #expect(rows.count == 1)
        }
    }

    @Test func `a writer that is cancelled copies nothing`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(make)
            let (started, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await database.client.copyIn(copyText) { writer in
                    while true {
                        try await writer.write(Array("1\tone\n".utf8))
                        signal.yield()
                    }
                }
            }
            for await _ in started { break }
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            let row = try await database.client.first(count)
            #expect(try row?[0] == 0)
        }
    }

    @Test func `a COPY that fails before it reads a row leaves its connection in step`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(make)
            // Runs between the server's invitation to send rows and the first look at them.
            try await database.client.simple(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN RAISE EXCEPTION ''not today''; END';
                CREATE TRIGGER refusal BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION refuse();
                """
            )
            for number in 1...20 {
                let error = await #expect(throws: PostgresError.self) {
                    try await database.client.copyIn(copyText) { writer in
                        try await writer.write(Array("1\tone\n".utf8))
                    }
                }
                #expect(error?.message.contains("not today") == true)
                let row = try await database.client.first(Query("number", "SELECT \(number)"))
                #expect(try row?[0] == number)
            }
        }
    }

    @Test func `what is no COPY, or goes the other way, is refused`() async throws {
        try await withEmptyDatabase(pool: .init(maximum: 1)) { database in
            try await database.client.execute(make)
            for query in [Query("plain", "SELECT 1"), copyOut, Query("parameter", "COPY t FROM \("x")")] {
                let error = await #expect(throws: PostgresError.self) {
                    try await database.client.copyIn(query) { _ in }
                }
                #expect(error?.code == .misuse)
                #expect(error?.statement == "\(query.name)")
            }
            let error = await #expect(throws: PostgresError.self) {
                try await database.client.copyOut(Query("typo", "COPY nothing TO STDOUT")) { _ in }
            }
            #expect(error?.sqlState == .undefinedTable)
            #expect(try await database.client.query(count).count == 1)
        }
    }
}
