import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct OperationsTests {
    @Test func `The admin port tells health, readiness and metrics`() async throws {
        try await withGateway { house in
            func get(_ path: String) async throws -> (Int, String) {
                let response = try await house.client.send(HTTPRequest(.get, path), to: house.admin)
                return (response.status, String(decoding: response.body, as: UTF8.self))
            }
            #expect(try await get("/healthz").0 == 200)
            #expect(try await get("/readyz").0 == 200)
            #expect(try await get("/other").0 == 404)
            _ = try await house.send(.get, "/v1/on-sales")
            let metrics = try await get("/metrics").1
            #expect(metrics.contains("usher_http_request_seconds_count{call=\"listOnSales\"} 1"))
            #expect(metrics.contains("usher_http_connections"))
            let document = try await house.send(.get, "/v1/openapi.json")
            #expect(document["openapi"]?.string == "3.1.0")
        }
    }

    @Test func `A gateway that has lost the database can still be asked for reads`() async throws {
        try await withGateway { house in
            func ready(_ path: String) async throws -> Int {
                try await house.client.send(HTTPRequest(.get, path), to: house.admin).status
            }
            #expect(try await ready("/readyz?for=reads") == 200)
            await house.pool.shutdown()
            while try await ready("/readyz") != 503 { await Task.yield() }
            #expect(try await ready("/readyz?for=reads") == 200)
            house.gateway.drain()
        }
    }

    @Test func `Operators see queues and workers, and scale a pool`() async throws {
        try await withGateway { house in
            let key = house.operatorKey
            let queues = try await house.send(.get, "/v1/operator/queues", token: key)
            let names = queues["queues"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.contains("reservations"), "\(queues)")
            while true {
                let workers = try await house.send(.get, "/v1/operator/workers", token: key)
                if workers["workers"]?.array?.count == 1 { break }
            }
            try await house.database.client.execute(
                Query(
                    "test.pool",
                    "INSERT INTO pools (name, queues, wanted) VALUES ('sales', '{reservations}', 1)"
                )
            )
            let scaled = try await house.send(
                .post,
                "/v1/operator/pools/sales/scale",
                #"{"workers": 3}"#,
                token: key
            )
            #expect(scaled.status == 200 && scaled["workers"]?.int == 3, "\(scaled)")
        }
    }

    @Test func `Operators pause and resume a queue, and both are chained`() async throws {
        try await withGateway { house in
            func post(_ call: String) async throws -> Answer {
                try await house.send(.post, "/v1/operator/queues/\(call)", token: house.operatorKey)
            }
            let paused = try await post("reservations/pause")
            #expect(paused.status == 200 && paused["paused"]?.bool == true, "\(paused)")
            let queues = try await house.send(.get, "/v1/operator/queues", token: house.operatorKey)
            let held = queues["queues"]?.array?.filter { $0["paused"]?.bool == true }
            #expect(held?.compactMap { $0["name"]?.string } == ["reservations"], "\(queues)")
            #expect(try await post("reservations/pause").status == 200)
            let resumed = try await post("reservations/resume")
            #expect(resumed.status == 200 && resumed["paused"]?.bool == false, "\(resumed)")
            let unknown = try await post("nowhere/pause")
            #expect(unknown.status == 404 && unknown["code"]?.string == "unknown_queue", "\(unknown)")
            let entries = try await house.database.client.query(
                Query(
                    "test.entries",
                    "SELECT action FROM audit_entries WHERE on_sale_id = 0 ORDER BY ordinal"
                )
            )
            // The second pause changed nothing.
            #expect(try entries.map { try $0[0] as String } == ["pause", "resume"])
        }
    }

    @Test func `Scaling is chained with who, from and to, and the audit sees a changed or missing entry`()
        async throws
    {
        try await withGateway { house in
            let database = house.database.client
            try await database.execute(
                Query(
                    "test.pools",
                    """
                    INSERT INTO pools (name, queues, wanted)
                    SELECT 'pool' || n, '{reservations}', 1 FROM generate_series(1, 8) AS n
                    """
                )
            )
            // Of different pools at once: their entries still follow each other.
            try await withThrowingTaskGroup(of: Int.self) { group in
                for pool in 1...8 {
                    group.addTask {
                        try await house.send(
                            .post,
                            "/v1/operator/pools/pool\(pool)/scale",
                            #"{"workers": 4}"#,
                            token: house.operatorKey
                        ).status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            let entries = try await database.query(
                Query(
                    "test.entries",
                    """
                    SELECT actor, action, detail FROM audit_entries WHERE on_sale_id = 0
                    ORDER BY detail
                    """
                )
            )
            #expect(entries.count == 8)
            let first: [String] = try [entries[0][0], entries[0][1], entries[0][2]]
            #expect(first == ["operator:test", "scale", #"{"from":1,"key":2,"pool":"pool1","to":4}"#])

            let chain = try #require(RoomAudit.checks.first { $0.name == "the audit's chain is unbroken" })
            #expect(try await chain.offenders(in: database) == [])
            func change(_ sql: SQL) async throws { try await database.execute(Query("test.change", sql)) }
            try await change(
                "UPDATE audit_entries SET detail = replace(detail, '4', '9') WHERE on_sale_id = 0 AND ordinal = 3"
            )
            #expect(
                try await chain.offenders(in: database) == ["operators: entry 3 (scale by operator:test)"]
            )
            try await change(
                "UPDATE audit_entries SET detail = replace(detail, '9', '4') WHERE on_sale_id = 0 AND ordinal = 3"
            )
            #expect(try await chain.offenders(in: database) == [])
            try await change("DELETE FROM audit_entries WHERE on_sale_id = 0 AND ordinal = 8")
            #expect(
                try await chain.offenders(in: database) == [
                    "operators: 7 entries of 8, or their end is another"
                ]
            )
        }
    }

    @Test func `Lists page by cursor`() async throws {
        try await withGateway { house in
            var ids: [String] = []
            for _ in 0..<3 { ids.append(try await house.schedule()) }
            for (path, token) in [("/v1/on-sales", nil), ("/v1/promoter/on-sales", house.promoterKey)] {
                var seen: [String] = []
                var target = "\(path)?limit=2"
                while true {
                    let page = try await house.send(.get, target, token: token)
                    seen += page["on_sales"]?.array?.compactMap { $0["id"]?.string } ?? []
                    guard let next = page["next"]?.string else { break }
                    target = "\(path)?limit=2&after=\(next)"
                }
                #expect(seen == ids)
            }
        }
    }

    @Test func `A gateway that stops says so first, and takes who comes until balancers know`() async throws {
        try await withGateway(configure: { $0.drainDelay = .seconds(3600) }) { house in
            #expect(try await house.client.send(HTTPRequest(.get, "/readyz"), to: house.admin).status == 200)
            house.gateway.drain()
            #expect(try await house.client.send(HTTPRequest(.get, "/readyz"), to: house.admin).status == 503)
            // By a connection that is new.
            let raw = try await RawConnection(port: house.api.port)
            defer { raw.close() }
            try await raw.send("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try await raw.read { $0.contains("}") }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            // The test's end asks again, and has not an hour.
        }
    }

    @Test func `A port that is taken ends the run with one clear line`() async throws {
        try await withGateway { house in
            let other = Gateway(
                postgres: house.pool,
                loops: house.database.loops,
                registry: .init(),
                configuration: GatewayConfiguration(port: house.api.port, adminPort: 0)
            )
            await #expect { try await other.run() } throws: { error in
                "\(error)".hasPrefix("cannot listen on 127.0.0.1:\(house.api.port)")
            }
        }
    }
}
