import BoxOffice
import Foundation
import Jobs
import Postgres
import TestSupport
import Testing

@testable import usher

/// `usher orders` on a schema with an on-sale that nobody drives.
@Suite(.timeLimit(.minutes(5)))
struct OrdersCommandTests {
    private struct Order: Decodable {
        let reservation: String
        let seats: [String]
        let total: Int64
        let payment: String?
        let archived: Bool
    }

    private func usher(_ database: TestDatabase, _ words: [String]) async throws -> BuiltProgram.Result {
        try await BuiltProgram.run(
            ["orders"] + words + ["--database-url", database.url, "--schema", database.schema]
        )
    }

    /// Orders 7 and 8 of a new on-sale: standing, and two seats whose tier has an odd name.
    private func sell(_ database: TestDatabase) async throws -> OnSaleID {
        let now: PostgresTimestamp = try await database.client.query(Query("t", "SELECT usher_now()"))[0][0]
        let plan = """
            {"title": "Evening", "venue": "Hall", "city": "Bremen", "currency": "EUR",
             "opens_at": "\(now + .seconds(60))", "starts_at": "\(now + .seconds(120))",
             "closes_at": "\(now + .seconds(7200))", "rate_per_minute": 60, "active_limit": 10, "capacity": 14,
             "tiers": [{"id": "floor", "name": "Floor", "price": 3000}, {"id": "a", "name": "A", "price": 4500}],
             "sections": [{"id": "F", "tier": "floor", "standing": 10},
                          {"id": "S", "tier": "a", "rows": [{"row": "A", "seats": "1-4"}]}]}
            """
        try await JobStore(postgres: database.client).ensureQueue("default")
        let onSales = OnSales(postgres: database.client)
        let id = try await onSales.schedule(json: Array(plan.utf8), by: "test").id
        try await database.client.simple(
            """
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, attempt, held_at, ended_at)
            VALUES (7, \(id.rawValue), 1, 'floor', 1, '{}', 3000, 'EUR', 'sold', now(), now(), 1, now(), now()),
                (8, \(id.rawValue), 1, 'a', 2, (SELECT array_agg(seat ORDER BY seat) FROM seats WHERE seat <= 2), 9000,
                    'EUR', 'expired', now(), now(), 0, now(), now());
            INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                created_at, updated_at)
            VALUES (7, 1, \(id.rawValue), 'pay_7', '=card, or so', 3000, 'EUR', 'captured', now(), now());
            """
        )
        return id
    }

    @Test func `Orders are exported, and their ranges shown`() async throws {
        try await withDatabase { database in
            let id = try await sell(database)
            let lines = try await usher(database, ["export", id.publicID]).output.split(separator: "\n")
            let orders = try lines.map { try JSONDecoder().decode(Order.self, from: Data($0.utf8)) }
            #expect(orders.map(\.reservation) == ["rs_7", "rs_8"] && orders.map(\.total) == [3000, 9000])
            #expect(orders[0].payment == "pay_7" && orders[1].payment == nil)
            #expect(orders[1].seats.count == 2 && orders.filter(\.archived).isEmpty)
            let table = try await usher(database, ["export", id.publicID, "--csv"]).output
                .split(separator: "\n")
            #expect(table.count == 3 && table[0].hasPrefix("reservation,state,tier,"))
            #expect(table[1].hasPrefix("rs_7,sold,floor,1,,3000,EUR,"), "\(table[1])")
            let ranges = try await usher(database, ["ranges"]).output
            #expect(ranges.contains("RANGE\tSTATE") && ranges.contains("0\tlive\t"), "\(ranges)")
            let archive = try await usher(database, ["archive"])
            #expect(archive.status == 0 && Int64(archive.output.dropLast()) != nil, "\(archive)")
        }
    }

    @Test func `Bad input is answered with one line that says what is accepted`() async throws {
        try await withDatabase { database in
            for (words, line) in [
                (["export", "7"], "ON_SALE is an id such as os_7, not \"7\""),
                (["export", "os_9"], "there is no on-sale os_9"),
                (["archive", "--keep-days", "1"], "--keep-days takes a whole number from 7 to 36500"),
            ] {
                let result = try await usher(database, words)
                #expect(result.status != 0 && result.errors.contains(line), "\(result)")
                #expect(result.errors.split(separator: "\n").count <= 2, "\(result)")
            }
        }
    }

    @Test func `A field of a table is one field, and no formula`() {
        #expect(OrderTable.field("Row A") == "Row A")
        #expect(OrderTable.field("a, \"b\"") == "\"a, \"\"b\"\"\"")
        #expect(OrderTable.field("=1+1") == "'=1+1")
        #expect(OrderTable.field("two\nlines") == "\"two\nlines\"")
    }
}
