import Foundation
import Postgres
import TestSupport
import Testing

/// `usher events` on a schema in which something has happened.
@Suite(.timeLimit(.minutes(5)))
struct EventsCommandTests {
    private struct Scene {
        let database: TestDatabase

        /// Two places in one on-sale, one in another, a minute and more apart.
        init(_ database: TestDatabase) async throws {
            self.database = database
            try await database.client.simple(
                """
                CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_notify('\(database.schema)', ''); RETURN NULL; END $$;
                CREATE TRIGGER tell AFTER INSERT OR UPDATE ON sale_minutes EXECUTE FUNCTION tell();
                CREATE TRIGGER tell AFTER UPDATE ON fact_cursors EXECUTE FUNCTION tell();
                """
            )
            for (onSale, minutes) in [(1, 0), (2, 0), (1, 10)] {
                try await database.client.execute(
                    Query(
                        "test.fact",
                        """
                        INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                        VALUES (\(onSale), '2026-01-01T10:00:00Z'::timestamptz + make_interval(mins => \(Int32(minutes))),
                            'place.taken', '{"place": 1}')
                        """
                    )
                )
            }
        }

        func usher(_ words: String...) async throws -> (exit: Int32, output: String, errors: String) {
            let result = try await BuiltProgram.run(
                ["events"] + words + ["--database-url", database.url, "--schema", database.schema]
            )
            return (result.status, result.output, result.errors)
        }

        /// The numbers of what tail prints.
        func tail(_ words: String...) async throws -> [String] {
            let result = try await BuiltProgram.run(
                ["events", "tail"] + words
                    + ["--database-url", database.url, "--schema", database.schema]
            )
            #expect(result.status == 0, "\(result.errors)")
            return try result.output.split(separator: "\n").map { line in
                try JSONDecoder().decode(Event.self, from: Data(line.utf8)).id
            }
        }

        /// Waits until so many places were counted.
        func counted(_ count: Int) async throws {
            try await wait(until: "SELECT coalesce(sum(joined), 0) = \(count) FROM sale_minutes")
        }

        /// Looks at first, and whenever a program has written to what consumers write, until it is so.
        func wait(until condition: SQL) async throws {
            for await _ in database.client.listen([database.schema])
            where try await database.client.query(Query("test.so", condition))[0][0] {
                return
            }
            throw CancellationError()
        }

        var minutes: [String] {
            get async throws {
                try await database.client.query(
                    Query("test.minutes", "SELECT on_sale_id || ': ' || joined FROM sale_minutes ORDER BY 1")
                ).map { try $0[0] }
            }
        }
    }

    /// What tests look at of an event.
    private struct Event: Decodable {
        let id: String
    }

    @Test func `The log is printed from where one wants, of whom one wants`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            #expect(try await scene.tail() == ["1", "2", "3"])
            #expect(try await scene.tail("--since", "beginning", "--on-sale", "os_1") == ["1", "3"])
            #expect(try await scene.tail("--since", "2") == ["3"])
            #expect(try await scene.tail("--since", "2026-01-01T10:09:00Z") == ["3"])
            #expect(try await scene.tail("--since", "now") == [])
            for (words, said) in [
                (["tail", "--since", "soon"], "--since takes beginning, now, a time"),
                (["tail", "--on-sale", "7"], "--on-sale takes an id such as os_7, not \"7\""),
                (
                    ["run", "--consumers", "analytics,nobody"],
                    "--consumers takes analytics, search, pages, not \"nobody\""
                ),
                (
                    ["replay", "nobody", "--since", "beginning"],
                    "CONSUMER is one of analytics, search, pages, not \"nobody\""
                ),
                (["replay", "analytics"], "--since says where to begin"),
            ] {
                let result = try await BuiltProgram.run(
                    ["events"] + words
                        + ["--database-url", database.url, "--schema", database.schema]
                )
                #expect(result.status == 2 && result.errors.contains(said), "\(words): \(result)")
            }
        }
    }

    @Test func `A consumer is run, killed, looked at, replayed and dropped`() async throws {
        try await withDatabase { database in
            let scene = try await Scene(database)
            let early = try await scene.usher("replay", "analytics", "--since", "beginning")
            #expect(
                early.exit == 1 && early.errors.contains("there is no consumer analytics yet"),
                "\(early)"
            )
            #expect(try await scene.usher("drop", "analytics").exit == 1)

            let words = [
                "events", "run", "--consumers", "analytics", "--database-url", database.url, "--schema",
                database.schema,
            ]
            let victim = try ChildProgram("usher", words, environment: ["PATH": "/usr/bin:/bin"])
            try await scene.counted(3)
            victim.kill()
            // Its parts come to another when its leases end.
            try await database.client.execute(
                Query(
                    "test.fact",
                    """
                    INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                    VALUES (3, '2026-01-01T11:00:00Z', 'place.taken', '{"place": 1}')
                    """
                )
            )
            let next = try ChildProgram("usher", words, environment: ["PATH": "/usr/bin:/bin"])
            try await scene.counted(4)
            #expect(try await scene.minutes == ["1: 1", "1: 1", "2: 1", "3: 1"])

            let replayed = try await scene.usher("replay", "analytics", "--since", "beginning")
            #expect(replayed.exit == 0 && replayed.output == "analytics goes on behind -1\n", "\(replayed)")
            try await scene.counted(4)
            #expect(try await scene.minutes == ["1: 1", "1: 1", "2: 1", "3: 1"])
            next.ask()
            // Who ends in order gives its parts back.
            try await scene.wait(until: "SELECT count(holder) = 0 FROM fact_cursors")

            let lines = try await scene.usher("consumers", "--json").output.split(separator: "\n")
            #expect(
                lines.count == 4 && lines.allSatisfy { $0.contains(#""consumer":"analytics""#) },
                "\(lines)"
            )
            #expect(lines.allSatisfy { !$0.contains("holder") }, "\(lines)")
            let table = try await scene.usher("consumers").output
            #expect(table.hasPrefix("CONSUMER") && table.contains("analytics"), "\(table)")
            #expect(try await scene.usher("drop", "analytics").output == "analytics is forgotten\n")
            #expect(try await scene.minutes.count == 4)
        }
    }
}
