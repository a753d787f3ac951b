import Reactor
import TestSupport
import Testing

@testable import Postgres

/// The stream of a real server.
@Suite("Replication", .timeLimit(.minutes(5)))
struct ReplicationTests {
    private static let logical = ["wal_level = 'logical'", "wal_sender_timeout = '5s'"]

    private func connect(_ cluster: TestCluster) async throws -> ReplicationConnection {
        let configuration = try PostgresConfiguration(url: cluster.url())
        return try await ReplicationConnection(configuration, on: TestLoops.shared.get().next())
    }

    /// Reads a stream, and answers those frames that want it.
    private struct Reader {
        let connection: ReplicationConnection
        private var rest: ArraySlice<ReplicationFrame> = []

        init(_ connection: ReplicationConnection) {
            self.connection = connection
        }

        /// The messages of the next transaction.
        mutating func transaction() async throws -> [PgOutputMessage] {
            var messages: [PgOutputMessage] = []
            while true {
                while let frame = rest.popFirst() {
                    switch frame {
                    case .data(_, _, let bytes):
                        let message = try PgOutputDecoder.decode(bytes)
                        messages.append(message)
                        if case .commit = message { return messages }
                    case .keepalive(_, _, let wantsReply):
                        if wantsReply { try await connection.tell(.init(received: .none, confirmed: .none)) }
                    }
                }
                rest = try await connection.next(within: .seconds(30))[...]
            }
        }
    }

    @Test func `every kind of change comes as it was made`() async throws {
        try await TestCluster.with(settings: Self.logical) { cluster in
            let client = try cluster.client()
            let schema = "it's o\"d d"
            try await client.execute(Query("schema", "CREATE SCHEMA \(identifier: schema)"))
            try await client.simple(
                """
                CREATE TYPE mood AS ENUM ('sad', 'glad');
                CREATE TABLE "it's o""d d".t (id int8 PRIMARY KEY, name text, mood mood, much text);
                ALTER TABLE "it's o""d d".t ALTER much SET STORAGE EXTERNAL;
                CREATE PUBLICATION "pub's x""y" FOR TABLE "it's o""d d".t;
                """
            )
            let connection = try await connect(cluster)
            let system = try await connection.identify()
            #expect(system.timeline == 1)
            #expect(system.database == "postgres")
            #expect(UInt64(system.identifier) != nil)
            let slot = try await connection.createSlot("all_kinds")
            #expect(slot.name == "all_kinds")
            #expect(slot.consistentAt > .none)
            let again = await #expect(throws: PostgresError.self) {
                try await connection.createSlot("all_kinds")
            }
            #expect(again?.sqlState == .duplicateObject)
            #expect(again?.statement == "replication.create")
            try await client.simple(
                """
                INSERT INTO "it's o""d d".t VALUES (1, 'ö', 'glad', repeat('x', 10000)), (2, NULL, NULL, NULL);
                UPDATE "it's o""d d".t SET name = 'b' WHERE id = 1;
                UPDATE "it's o""d d".t SET id = 3 WHERE id = 2;
                DELETE FROM "it's o""d d".t WHERE id = 3;
                SELECT pg_logical_emit_message(true, 'usher', 'hear');
                TRUNCATE "it's o""d d".t CASCADE;
                """
            )
            try await connection.start("all_kinds", publications: ["pub's x\"y"], hearsMessages: true)
            var reader = Reader(connection)
            let heard = try await reader.transaction()
            guard case .begin(let begin) = heard.first, case .commit(let commit) = heard.last else {
                Issue.record("\(heard)")
                return
            }
            #expect(begin.commitAt == commit.at)
            #expect(commit.end > commit.at)
            #expect(begin.committedAt == commit.committedAt)
            var relation: PgOutputMessage.Relation?
            var changes: [PgOutputMessage] = []
            for message in heard.dropFirst().dropLast() {
                switch message {
                case .relation(let described): relation = described
                case .type(_, let namespace, let name): #expect("\(namespace).\(name)" == "public.mood")
                default: changes.append(message)
                }
            }
            let table = try #require(relation)
            #expect(table.namespace == schema)
            #expect(table.name == "t")
            #expect(table.identity == .primaryKey)
            #expect(table.columns.map(\.name) == ["id", "name", "mood", "much"])
            #expect(table.columns.map(\.isKey) == [true, false, false, false])
            #expect(table.columns[0].type == 20)
            let long = String(repeating: "x", count: 10_000)
            #expect(changes.count == 7)
            #expect(
                Array(changes.prefix(5)) == [
                    .insert(relation: table.id, new: [.text("1"), .text("ö"), .text("glad"), .text(long)]),
                    .insert(relation: table.id, new: [.text("2"), .null, .null, .null]),
                    .update(
                        relation: table.id,
                        old: nil,
                        new: [.text("1"), .text("b"), .text("glad"), .unchanged]
                    ),
                    .update(
                        relation: table.id,
                        old: .key([.text("2"), .null, .null, .null]),
                        new: [.text("3"), .null, .null, .null]
                    ),
                    .delete(relation: table.id, old: .key([.text("3"), .null, .null, .null])),
                ]
            )
            if case .message(let written) = changes[5] {
                #expect(written.isTransactional)
                #expect(written.prefix == "usher")
                #expect(written.content == Array("hear".utf8))
            } else {
                Issue.record("\(changes[5])")
            }
            #expect(
                changes[6] == .truncate(relations: [table.id], cascades: true, restartsIdentity: false)
            )
            connection.close()
            await client.shutdown()
        }
    }

    @Test func `what was confirmed does not come again, and what was not does`() async throws {
        try await TestCluster.with(settings: Self.logical) { cluster in
            let client = try cluster.client()
            try await client.simple("CREATE TABLE t (id int8); CREATE PUBLICATION p FOR TABLE t")
            var connection = try await connect(cluster)
            _ = try await connection.createSlot("place")
            for id in 1...3 { try await client.execute(Query("insert", "INSERT INTO t VALUES (\(id))")) }
            try await connection.start("place", publications: ["p"])
            var ends: [LSN] = []
            var reader = Reader(connection)
            for _ in 1...3 {
                if case .commit(let commit) = try await reader.transaction().last {
                    ends.append(commit.end)
                }
            }
            #expect(ends.count == 3 && ends == ends.sorted())
            let confirmed = ends[0]
            try await connection.tell(.init(received: ends[2], confirmed: confirmed))
            let place = Query(
                "place",
                "SELECT confirmed_flush_lsn::text, active FROM pg_replication_slots WHERE slot_name = 'place'"
            )
            while try await client.first(place)?[0] != confirmed.description { await Task.yield() }
            connection.close()
            while try await client.first(place)?[1] == true { await Task.yield() }
            connection = try await connect(cluster)
            try await connection.start("place", publications: ["p"])
            reader = Reader(connection)
            let heard = try await reader.transaction()
            #expect(heard.contains { if case .insert(_, [.text("2")]) = $0 { true } else { false } })
            connection.close()
            while try await client.first(place)?[1] == true { await Task.yield() }
            connection = try await connect(cluster)
            try await connection.dropSlot("place")
            let error = await #expect(throws: PostgresError.self) { try await connection.dropSlot("place") }
            #expect(error?.sqlState == .undefinedObject)
            let missing = await #expect(throws: PostgresError.self) {
                try await connection.start("place", publications: ["p"])
            }
            #expect(missing?.sqlState == .undefinedObject)
            // The connection took no harm.
            #expect(try await connection.identify().timeline == 1)
            connection.close()
            await client.shutdown()
        }
    }

    @Test
    func `a slot has one reader, a wait ends in time or with its task, a stop of the server with an error`()
        async throws
    {
        try await TestCluster.with(settings: Self.logical) { cluster in
            let client = try cluster.client()
            try await client.simple("CREATE TABLE t (id int8); CREATE PUBLICATION p FOR TABLE t")
            let connection = try await connect(cluster)
            let slot = try await connection.createSlot("one")
            try await connection.start("one", publications: ["p"], from: slot.consistentAt)
            let other = try await connect(cluster)
            let busy = await #expect(throws: PostgresError.self) {
                try await other.start("one", publications: ["p"])
            }
            #expect(busy?.sqlState == .objectInUse)
            other.close()
            // An idle server says how far it has come until it hears that we know.
            var end = LSN.none
            while true {
                let frames = try await connection.next(within: .milliseconds(50))
                if frames.isEmpty { break }
                for case .keepalive(let place, _, _) in frames { end = max(end, place) }
                try await connection.tell(.init(received: end, confirmed: end))
            }
            #expect(end >= slot.consistentAt)
            try await connection.tell(.init(received: end, confirmed: end, wantsReply: true))
            let answer = try await connection.next(within: .seconds(30))
            #expect(answer.contains { if case .keepalive = $0 { true } else { false } })

            let waiting = Task { try await connection.next(within: .seconds(600)) }
            waiting.cancel()
            let cancelled = await #expect(throws: PostgresError.self) { try await waiting.value }
            #expect(cancelled?.code == .cancelled)

            // It wants to hear, before it stops, that all it has has arrived.
            let reading = Task {
                while true {
                    for frame in try await connection.next(within: .seconds(600)) {
                        guard case .keepalive(let end, _, _) = frame else { continue }
                        try await connection.tell(.init(received: end, confirmed: end))
                    }
                }
            }
            await client.shutdown()
            try await cluster.stop()
            let stopped = await #expect(throws: PostgresError.self) { try await reading.value }
            #expect(stopped?.code == .connection)
            connection.close()
        }
    }

    @Test func `behind a pooler there is no stream unless it is known where the server is`() async throws {
        var configuration = try PostgresConfiguration(url: "postgresql://127.0.0.1:1/x")
        configuration.isPooled = true
        let loop = try TestLoops.shared.get().next()
        let error = await #expect(throws: PostgresError.self) {
            _ = try await ReplicationConnection(configuration, on: loop)
        }
        #expect(error?.code == .configuration)
        try configuration.listenDirectly(at: "postgresql://127.0.0.1:2/x")
        #expect(configuration.replicating?.parameters["replication"] == "database")
        #expect(try configuration.replicating?.endpoints().first?.port == "2")
    }
}
