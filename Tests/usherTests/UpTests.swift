import BoxOffice
import Glibc
import HTTP
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

@testable import usher

/// `usher up` as a process, with all the processes it starts.
@Suite(.timeLimit(.minutes(5)))
struct UpTests {
    /// A house that is up, and what an operator sees and does of it.
    private struct Up: Sendable {
        let database: TestDatabase
        let client: HTTPClient
        let api: HTTPEndpoint
        let key: String

        private func send(_ method: HTTPMethod, _ path: String, _ body: String = "") async throws -> JSONValue
        {
            let request = HTTPRequest(
                method,
                path,
                headers: ["Authorization": "Bearer \(key)", "Content-Type": "application/json"],
                body: Array(body.utf8)
            )
            let answer = try await client.send(request, to: api)
            #expect(answer.status == 200)
            return try JSONValue(parsing: answer.body)
        }

        func scale(_ pool: String, to count: Int) async throws {
            let pool = try await send(.post, "/v1/operator/pools/\(pool)/scale", #"{"workers": \#(count)}"#)
            #expect(pool["workers"]?.int == Int64(count))
        }

        /// The process ids of a pool's workers.
        func workers(_ pool: String) async throws -> Set<Int32> {
            let workers = try await send(.get, "/v1/operator/workers")["workers"]?.array ?? []
            return Set(
                workers.filter { $0["pool"]?.string == pool }.compactMap {
                    $0["process"]?.int.map { Int32($0) }
                }
            )
        }

        /// Writes notifications and starts their delivery.
        func tell(_ count: Int) async throws {
            try await database.client.withTransaction { tx in
                let rows = try await tx.query(
                    Query(
                        "test.tell",
                        """
                        SELECT w.key FROM (
                            SELECT array_agg('sold'::text) AS kinds, array_agg('somebody'::text) AS recipients,
                                array_agg('{}'::jsonb) AS payloads, array_agg(gen_random_uuid()::text) AS keys
                            FROM generate_series(1, \(count))
                        ) AS n, write_notifications(n.kinds, n.recipients, n.payloads, n.keys, NULL) AS w (key)
                        """
                    )
                )
                let workflows = WorkflowClient(postgres: database.client)
                for row in rows {
                    let key: String = try row[0]
                    _ = try await workflows.start(Notify.self, key, in: &tx)
                }
            }
        }

        /// Looks again and again until it is so.
        func wait(for what: String, until isSo: () async throws -> Bool) async throws {
            let deadline = MonotonicTime.now + .seconds(60)
            while try await !isSo() {
                guard MonotonicTime.now < deadline else { throw Failure("no \(what) within a minute") }
                try await database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
            }
        }

        func count(_ sql: SQL) async throws -> Int {
            try await database.client.query(Query("test.count", sql))[0][0]
        }
    }

    /// Runs `usher up` on the test server until `body` has returned, and gives what it printed.
    private func withUp(_ database: TestDatabase, _ body: (Up) async throws -> Void) async throws -> [String]
    {
        try await RunningHouse.with(database) { port in
            let client = HTTPClient(loops: database.loops)
            do {
                let key = try await APIKeys(postgres: database.client).add(role: .operator, label: "test")
                let api = HTTPEndpoint(host: "127.0.0.1", port: port)
                try await body(Up(database: database, client: client, api: api, key: key))
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }

    @Test func `Worker processes follow the operator's word, and draining ones lose nothing`() async throws {
        try await withEmptyDatabase { database in
            let printed = try await withUp(database) { up in
                try await up.wait(for: "first worker") { try await up.workers("outside").count == 1 }
                let sale = try await up.workers("sale")
                try await up.scale("outside", to: 3)
                try await up.wait(for: "three workers") { try await up.workers("outside").count == 3 }
                let three = try await up.workers("outside")

                // Work comes all the time until two of them have gone.
                var told = 0
                func isDownToOne() async throws -> Bool {
                    try await up.tell(20)
                    told += 20
                    return try await up.workers("outside").count == 1
                }
                while told < 200 { _ = try await isDownToOne() }
                try await up.scale("outside", to: 1)
                try await up.wait(for: "two that leave", until: isDownToOne)
                let one = try await up.workers("outside")
                #expect(one.isSubset(of: three))
                try await up.wait(for: "ends of their processes") {
                    three.subtracting(one).allSatisfy { kill($0, 0) != 0 }
                }
                #expect(one.union(sale).allSatisfy { kill($0, 0) == 0 })
                #expect(try await up.workers("sale") == sale, "the other pool has nothing to do with it")

                let waiting: SQL = "SELECT count(*) FROM jobs WHERE name = 'notify' AND state <> 'done'"
                try await up.wait(for: "deliveries") { try await up.count(waiting) == 0 }
                #expect(try await up.count("SELECT count(*) FROM jobs WHERE name = 'notify'") == told)
                let once: SQL = "SELECT count(*) FROM notifications WHERE state = 'sent' AND attempts = 1"
                #expect(try await up.count(once) == told)
                #expect(try await up.count("SELECT count(*) FROM jobs WHERE failures > 0") == 0)

                try await up.scale("outside", to: 0)
                try await up.wait(for: "empty pool") { try await up.workers("outside").isEmpty }
                try await up.scale("outside", to: 1)
                try await up.tell(5)
                try await up.wait(for: "new worker's deliveries") { try await up.count(waiting) == 0 }
            }
            // Whoever drains hands back in order: nobody had to be declared dead, or killed.
            #expect(!printed.contains { $0.contains("rescued") || $0.contains("workers died") })
            #expect(!printed.contains { $0.contains("did not end in time") })
            let left = try await database.client.query(Query("test.workers", "SELECT count(*) FROM workers"))
            #expect(try left[0][0] as Int == 0)
        }
    }
}
