import EventLog
import HTTP
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice
@testable import usher

/// The bridge to a search cluster, against what stands in for one.
@Suite(.timeLimit(.minutes(5)))
struct OpenSearchTests {
    private static let start = "2027-01-01T00:00:00Z"

    private struct Scene: Sendable {
        let database: TestDatabase
        let cluster: SearchCluster
        let target: OpenSearchCluster
        var client: PostgresClient { database.client }

        func file(_ ids: ClosedRange<Int64>) async throws {
            let drafts = ids.map { id in
                FactDraft(
                    onSale: id,
                    kind: "on_sale.scheduled",
                    data: JSONB(
                        text: """
                            {"title":"Title \(id)","venue":"Hall","city":"Leipzig","currency":"EUR","opens_at":"\(start)",
                             "starts_at":"\(start)","closes_at":"\(start)","capacity":20,
                             "tiers":[{"id":"a","name":"A","price":100,"capacity":20}]}
                            """
                    )
                )
            }
            try await client.pipeline(FactDraft.append(drafts))
        }

        func tell(_ id: Int64, _ kind: String, _ data: String = "{}") async throws {
            try await client.pipeline(
                FactDraft.append([FactDraft(onSale: id, kind: kind, data: JSONB(text: data))])
            )
        }

        /// What the table has, as documents would be.
        func wanted() async throws -> [String: SearchCluster.Document] {
            var wanted: [String: SearchCluster.Document] = [:]
            for entry in try await Search(client).copy(after: nil, limit: 10_000) {
                wanted[entry.id.publicID] = SearchCluster.Document(
                    version: entry.seq,
                    source: try JSONValue(parsing: OpenSearchDocument.bytes(entry))
                )
            }
            return wanted
        }

        /// Waits until the table has come to all facts, and the alias to the table.
        func settled() async throws -> [String: SearchCluster.Document] {
            let last: Int64 = try await client.query(
                Query("test.last", "SELECT coalesce(max(seq), 0) FROM facts")
            )[0][0]
            while true {
                let parts = try await ConsumerView.all(in: client).first { $0.name == "search" }?.parts ?? []
                if !parts.isEmpty, parts.allSatisfy({ $0.position >= last }) { break }
                try await client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
            }
            let wanted = try await wanted()
            await cluster.wait { $0.documents("shows") == wanted }
            return wanted
        }

        func bridge(_ member: String) -> OpenSearchBridge {
            var configuration = ConsumerRunner.Configuration()
            configuration.pause = .milliseconds(10)
            configuration.lease = .seconds(2)
            configuration.longestPause = .milliseconds(100)
            configuration.batch = 50
            return OpenSearchBridge(
                "shows",
                cluster: target,
                postgres: client,
                member: member,
                configuration: configuration,
                watch: .milliseconds(50),
                logger: Logger(label: "test", level: .error)
            )
        }
    }

    /// Runs the consumer `search` beside `body`.
    private func with(_ body: (Scene) async throws -> Void) async throws {
        try await SearchCluster.with { cluster, port in
            try await withDatabase(pool: .init(maximum: 8)) { database in
                let http = HTTPClient(loops: database.loops)
                let target = OpenSearchCluster(
                    endpoint: HTTPEndpoint(host: "127.0.0.1", port: port),
                    patience: .init(attempts: 8, first: .milliseconds(1), longest: .milliseconds(20)),
                    client: http
                )
                var configuration = ConsumerRunner.Configuration()
                configuration.pause = .milliseconds(10)
                let runner = ConsumerRunner(
                    postgres: database.client,
                    consumers: [SearchIndex()],
                    member: "search",
                    configuration: configuration,
                    logger: Logger(label: "test", level: .error)
                )
                let life = Task { await runner.run() }
                let outcome: Result<Void, any Error>
                do {
                    try await body(Scene(database: database, cluster: cluster, target: target))
                    outcome = .success(())
                } catch {
                    outcome = .failure(error)
                }
                runner.stop()
                await life.value
                await http.shutdown()
                try outcome.get()
                #expect(cluster.complaints == [])
            }
        }
    }

    @Test func `Documents follow the log whatever fails, and a new index takes over unseen`()
        async throws
    {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        try await with { scene in
            var dice = TestDice(seed: seed)
            try await scene.file(1...120)
            scene.cluster.fail(by: TestDice(seed: seed, stream: 1))
            let first = scene.bridge("a")
            let life = Task { try await first.run(reindexes: false) }
            #expect(try await scene.settled().count == 120)
            #expect(scene.cluster.indexes(of: "shows") == ["shows-1"])
            func stir(_ count: Int) async throws {
                for _ in 0..<count {
                    let id = Int64.random(in: 1...120, using: &dice)
                    let kind = Bool.random(using: &dice) ? "held" : "expired"
                    try await scene.tell(
                        id,
                        "reservation.\(kind)",
                        "{\"quantity\":\(Int.random(in: 1...19, using: &dice))}"
                    )
                }
            }
            try await stir(200)
            try await scene.file(121...140)
            _ = try await scene.settled()

            // Another process reindexes, while the first goes on and things happen.
            let second = scene.bridge("b")
            let other = Task { try await second.run(reindexes: true) }
            try await stir(100)
            await scene.cluster.wait { $0.indexes(of: "shows") != ["shows-1"] }
            let index = try #require(scene.cluster.indexes(of: "shows").first)
            try await stir(100)
            try await scene.file(141...150)
            #expect(try await scene.settled().count == 150)
            // The first one goes over to it, and the second may go.
            second.stop()
            try await other.value
            try await stir(50)
            _ = try await scene.settled()
            #expect(scene.cluster.names == [index])
            let names = try await FactCursors(postgres: scene.client).names(beginning: "opensearch:")
            #expect(names == ["opensearch:\(index)"])
            // Never less than before, and never none.
            let shown = scene.cluster.shown("shows")
            #expect(shown.first == 120 && shown == shown.sorted(), "\(shown)")
            scene.cluster.fail(by: nil)
            first.stop()
            try await life.value
        }
    }

    @Test func `Killed as a process again and again, it passes nothing over, and no document becomes older`()
        async throws
    {
        try await with { scene in
            func program(_ more: String...) throws -> ChildProgram {
                let words = [
                    "events", "bridge", "opensearch", "--url",
                    "http://127.0.0.1:\(scene.target.endpoint.port)",
                    "--index", "shows", "--database-url", scene.database.url, "--schema",
                    scene.database.schema,
                ]
                return try ChildProgram("usher", words + more, environment: ["PATH": "/usr/bin:/bin"])
            }
            try await scene.file(1...200)
            for round in Int64(1)...2 {
                let had = scene.cluster.documents("shows").count
                let victim = try program()
                await scene.cluster.wait { $0.documents("shows").count > had }
                victim.kill()
                try await scene.file((round * 200 + 1)...(round * 200 + 200))
                try await scene.tell(round, "on_sale.opened")
            }
            // Whoever comes next takes the parts of the dead when their leases end, and fills a new index.
            let last = try program("--reindex")
            await scene.cluster.wait {
                !$0.indexes(of: "shows").isEmpty && $0.indexes(of: "shows") != ["shows-1"]
            }
            let documents = try await scene.settled()
            #expect(documents.count == 600 && documents["os_2"]?.source["state"]?.string == "prequeue")
            last.ask()
            try await last.end()
            #expect(last.status == 0, "\(last.lines)")
        }
    }

    @Test func `A cluster that is away holds the bridge up, and nothing is passed over`() async throws {
        try await with { scene in
            try await scene.file(1...10)
            let bridge = scene.bridge("a")
            let life = Task { try await bridge.run(reindexes: false) }
            _ = try await scene.settled()
            scene.cluster.set(down: true)
            try await scene.file(11...30)
            try await scene.tell(3, "on_sale.opened")
            while try await ConsumerView.all(in: scene.client).first(where: {
                $0.name == "opensearch:shows-1"
            })?
            .parts.allSatisfy({ $0.failures == 0 }) ?? true {
                try await scene.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
            }
            #expect(scene.cluster.documents("shows").count == 10)
            scene.cluster.set(down: false)
            let documents = try await scene.settled()
            #expect(documents.count == 30 && documents["os_3"]?.source["state"]?.string == "prequeue")
            bridge.stop()
            try await life.value
        }
    }

    @Test func `A bulk is sent again in part, and what is newer there stays`() throws {
        let entries = try (1...4).map { id in
            let fact = Fact(
                seq: Int64(id) * 10,
                onSale: Int64(id),
                kind: "on_sale.scheduled",
                version: 1,
                data: JSONB(
                    text: """
                        {"title":"T","venue":"V","city":"C","currency":"EUR","opens_at":"\(Self.start)","starts_at":"\(Self.start)",
                         "closes_at":"\(Self.start)","capacity":1,"tiers":[{"price":1}]}
                        """
                ),
                recordedAt: .now
            )
            return try #require(try SearchRecord(filedBy: fact)).entry
        }
        func answer(_ statuses: (Int64, Int)...) -> [UInt8] {
            let items = statuses.map { id, status in
                "{\"index\":{\"_id\":\"\(OnSaleID(rawValue: id).publicID)\",\"status\":\(status),\"error\":{\"type\":\"t\",\"reason\":\"r\"}}}"
            }
            return Array("{\"errors\":true,\"items\":[\(items.joined(separator: ","))]}".utf8)
        }
        var bulk = OpenSearchBulk(entries, to: "shows-1-writer")
        let lines = String(decoding: bulk.body, as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        #expect(lines.count == 9 && lines.last == "")
        #expect(
            lines[2]
                == #"{"index":{"_index":"shows-1-writer","_id":"os_2","version":20,"version_type":"external"}}"#
        )
        try bulk.take(answer((1, 201), (2, 429), (3, 409), (4, 503)))
        #expect(bulk.count == 2)
        #expect(throws: OpenSearchProblem.self) { try bulk.take(answer((2, 200))) }
        #expect(throws: OpenSearchProblem.self) { try bulk.take(answer((4, 200), (2, 200))) }
        #expect(throws: OpenSearchProblem.self) { try bulk.take(answer((2, 400), (4, 200))) }
        // Too large for the cluster, it goes in halves.
        let halves = (bulk.halve(), bulk.halve())
        #expect(halves == (true, false) && bulk.count == 2)
        try bulk.take(answer((2, 200)))
        #expect(bulk.count == 1 && !bulk.isEmpty)
        try bulk.take(answer((4, 201)))
        #expect(bulk.isEmpty)
    }
}
