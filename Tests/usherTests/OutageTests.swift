import BoxOffice
import Foundation
import HTTP
import Postgres
import Reactor
import TestSupport
import Testing

@testable import usher

/// Postgres is cut off from its power while everybody is at it, and comes back: what buyers see, and what is left.
///
/// It is away for as long as it takes until everyone has noticed; `USHER_OUTAGE_SECONDS` makes it longer.
@Suite(.timeLimit(.minutes(5)))
struct OutageTests {
    private static let seconds =
        Double(ProcessInfo.processInfo.environment["USHER_OUTAGE_SECONDS"] ?? "") ?? 0

    /// Schedules an on-sale that is open, and starts in an hour of the time that is `ahead`.
    private func schedule(
        _ title: String,
        ahead: Int,
        _ client: HTTPClient,
        _ api: HTTPEndpoint,
        _ key: String
    ) async throws -> String {
        let now = PostgresTimestamp.now + .seconds(ahead)
        let plan = """
            {"title": "\(title)", "venue": "Hall", "city": "Leipzig", "currency": "EUR",
             "opens_at": "\(now - .seconds(60))", "starts_at": "\(now + .seconds(3600))",
             "closes_at": "\(now + .seconds(86_400))", "rate_per_minute": 6000, "active_limit": 5000,
             "buyers": "anonymous", "capacity": 20000, "turn_seconds": 600, "session_seconds": 1200,
             "max_per_buyer": 4, "hold_seconds": 600,
             "tiers": [{"id": "standing", "name": "Standing", "price": 3200}],
             "sections": [{"id": "S", "name": "Stalls", "tier": "standing", "standing": 20000}]}
            """
        let request = HTTPRequest(
            .post,
            "/v1/promoter/on-sales",
            headers: ["Authorization": "Bearer \(key)", "Content-Type": "application/json"],
            body: Array(plan.utf8)
        )
        let answer = try await client.send(request, to: api)
        try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        return try #require(try JSONValue(parsing: answer.body)["id"]?.string)
    }

    /// Waits until the on-sale's published state is that one.
    private func wait(
        for state: String,
        of onSale: String,
        _ client: HTTPClient,
        _ api: HTTPEndpoint
    ) async throws {
        print("waiting for \(onSale) to be \(state)")
        while true {
            let answer = try await client.send(HTTPRequest(.get, "/v1/on-sales/\(onSale)/status"), to: api)
            if answer.status == 200, try JSONValue(parsing: answer.body)["state"]?.string == state { return }
            // As a buyer polls.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Everybody is at it, the power goes, and comes back when everybody has noticed.
    private func play(_ crowd: OutageCrowd, _ cluster: TestCluster) async throws {
        try await crowd.wait(for: "work") {
            $0.places.count >= 50 && $0.holds.count >= 50 && $0.freshReads >= 20
        }
        #expect(crowd.ledger.refusals.isEmpty && crowd.ledger.staleReads.isEmpty, "\(crowd.ledger.refusals)")
        let began = MonotonicTime.now
        try await cluster.cutPower()
        try await crowd.wait(for: "refusals") { ledger in
            ["join", "hold"].allSatisfy { ledger.refusals[$0, default: 0] >= 4 }
                && ["status", "place"].allSatisfy { ledger.staleReads[$0, default: 0] >= 10 }
        }
        let left = Duration.seconds(Self.seconds) - (MonotonicTime.now - began)
        // How long it is away is what is tried.
        if left > .zero { try await Task.sleep(for: left) }
        try await cluster.start()
        let before = crowd.ledger
        let slowest = before.slowest
        print(
            "away for \(MonotonicTime.now - began): refused \(before.refusals), stale \(before.staleReads), slowest answers \(slowest)"
        )
        try await crowd.wait(for: "work again") {
            $0.places.count >= before.places.count + 50 && $0.holds.count >= before.holds.count + 50
                && $0.freshReads >= before.freshReads + 20
        }
    }

    @Test func `While Postgres is away reads go on, writes are refused, and nothing is lost or doubled`()
        async throws
    {
        try await TestCluster.with(settings: ["max_connections = 100"]) { cluster in
            try await cluster.makeTemplate("outage", schema: "usher")
            try await cluster.withCopy("sale", of: "outage", schema: "usher", pool: .init(maximum: 2)) {
                database in
                let client = HTTPClient(loops: database.loops)
                let ended = Lock<OutageCrowd?>(nil)
                let printed = try await RunningHouse.with(database) { port in
                    let api = HTTPEndpoint(host: "127.0.0.1", port: port)
                    let key = try await APIKeys(postgres: database.client).add(role: .promoter, label: "test")
                    let selling = try await schedule("Now", ahead: 0, client, api, key)
                    try await wait(for: "prequeue", of: selling, client, api)
                    try await database.client.execute(
                        Query("test.shift", "UPDATE clock SET shift = shift + interval '3700 s'")
                    )
                    let waiting = try await schedule("Later", ahead: 3700, client, api, key)
                    try await wait(for: "prequeue", of: waiting, client, api)
                    try await wait(for: "admitting", of: selling, client, api)
                    let crowd = OutageCrowd(client: client, api: api, waiting: waiting, selling: selling)
                    ended.withLock { $0 = crowd }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await crowd.run() }
                        group.addTask {
                            defer { crowd.end() }
                            try await play(crowd, cluster)
                        }
                        try await group.waitForAll()
                    }
                    try await crowd.checkAll()
                }
                await client.shutdown()
                let crowd = try #require(ended.withLock { $0 })
                let ledger = crowd.ledger
                #expect(ledger.wrong == [])
                // Every one of these processes has lived through it.
                // Whoever of them ends is said to, with its number.
                #expect(printed.filter { $0.contains("(process ") } == [])

                let waiting = try #require(OnSaleID(publicID: crowd.waiting))
                let places = try await database.client.query(
                    Query(
                        "test.places",
                        "SELECT count(*), count(DISTINCT id) FROM places WHERE on_sale_id = \(waiting.rawValue)"
                    )
                )
                #expect(try places[0][0] as Int == ledger.places.count)
                #expect(try places[0][1] as Int == ledger.places.count)
                let holds = try await database.client.query(
                    Query("test.holds", "SELECT count(*) FROM reservations")
                )
                #expect(try holds[0][0] as Int == ledger.holds.count)
                #expect(Set(ledger.holds.values).count == ledger.holds.count)
                for finding in try await AuditCommand.findings(in: database.client) {
                    #expect(finding.offenders == [], "\(finding.text)")
                }
            }
        }
    }
}
