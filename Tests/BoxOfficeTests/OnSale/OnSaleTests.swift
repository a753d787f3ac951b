@testable import BoxOffice
import Jobs
import Postgres
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct OnSaleTests {
    @Test func `scheduling writes the on-sale, its stock, its run and an audit entry, or nothing`()
        async throws
    {
        try await RoomFixture.with { room in
            let record = try await room.onSales.find(room.onSale)
            #expect(record.state == .scheduled)
            #expect(record.title == "Evening")
            #expect(try await room.status().tiers.map(\.free) == [100, 12])
            let past = RoomFixture.plan(opening: PostgresTimestamp(microseconds: 0))
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.schedule(json: past, by: "test")
            }
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.schedule(json: [1], by: "test")
            }
            #expect(try await room.onSales.list(after: nil, limit: 10).map(\.id) == [room.onSale])
            #expect(try await room.onSales.list(after: room.onSale, limit: 10).isEmpty)
            await #expect(throws: OnSaleProblem.unknown) {
                try await room.onSales.find(OnSaleID(rawValue: 999))
            }
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `the lifecycle waits, opens, seals, draws and closes`() async throws {
        try await RoomFixture.with { room in
            let first = try await room.advance()
            #expect(first.state == .scheduled)
            #expect(first.next == (try await room.onSales.find(room.onSale)).opensAt)
            try await room.open()
            try await room.start()
            #expect(try await room.advance().state == .admitting)
            try await room.pass(.seconds(7200))
            let last = try await room.advance()
            #expect(last.state == .closed)
            #expect(last.next == nil)
            #expect(try await room.advance().state == .closed)
            #expect(try await room.tick().isLast)
        }
    }

    @Test func `a patch moves times and tells the lifecycle`() async throws {
        try await RoomFixture.with { room in
            let before = try await room.onSales.find(room.onSale)
            let later = before.startsAt + .seconds(600)
            let json = Array(
                #"{"starts_at": "\#(later)", "title": "Late Evening", "rate_per_minute": 5}"#.utf8
            )
            let after = try await room.onSales.patch(room.onSale, json: json, by: "test")
            #expect(after.startsAt == later)
            #expect(after.title == "Late Evening")
            #expect(after.rules.ratePerMinute == 5)
            #expect(after.seq > before.seq)
            #expect(try await room.advance().revision == 1)
            for wrong in [
                #"{"tiers": []}"#, #"{"closes_at": "2020-01-01T00:00:00Z"}"#, "[]",
                #"{"rate_per_minute": "x"}"#,
            ] {
                await #expect(throws: OnSaleProblem.self) {
                    try await room.onSales.patch(room.onSale, json: Array(wrong.utf8), by: "test")
                }
            }
            try await room.open()
            let early = Array(#"{"opens_at": "\#(before.opensAt + .seconds(1))"}"#.utf8)
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.patch(room.onSale, json: early, by: "test")
            }
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `controls are refused in the wrong state and audited in the right one`() async throws {
        try await RoomFixture.with { room in
            await #expect(throws: OnSaleProblem.wrongState(.scheduled, accepted: [.admitting])) {
                try await room.onSales.pause(room.onSale, by: "test", reason: nil)
            }
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.setRate(room.onSale, perMinute: -1, by: "test")
            }
            try await room.onSales.setRate(room.onSale, perMinute: 0, by: "test")
            try await room.onSales.setMessage(room.onSale, "Doors at \"8\"\n", by: "test")
            #expect(try await room.status().message == "Doors at \"8\"\n")
            try await room.onSales.cancel(room.onSale, by: "test", reason: "rain")
            #expect(try await room.status().publishedState == "closed")
            #expect(try await room.advance().next == nil)
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.cancel(room.onSale, by: "test", reason: nil)
            }
            let actions = try await room.postgres.query(
                Query("test.audit", "SELECT action, detail::jsonb::text FROM audit_entries ORDER BY ordinal")
            )
            #expect(try actions.map { try $0[0] } == ["schedule", "rate", "message", "cancel"])
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `keys are made once, shown once, and can be taken back`() async throws {
        try await withDatabase { database in
            let keys = APIKeys(postgres: database.client)
            let secret = try await keys.add(role: .promoter, label: "box office")
            let holder = try #require(try await keys.verify(secret))
            #expect(holder.role == .promoter)
            #expect(holder.actor == "promoter:box office")
            for wrong in [
                "", "uk_1_", secret + "A", "uk_2" + secret.dropFirst(4), String(secret.dropLast()) + "_",
            ] {
                #expect(try await keys.verify(wrong) == nil)
            }
            #expect(try await keys.revoke(holder.id))
            #expect(try await keys.verify(secret) == nil)
            #expect(try await !keys.revoke(holder.id))
        }
    }

    @Test func `processes that start together share one signing key`() async throws {
        try await withDatabase { database in
            let token = PlaceToken(
                onSale: OnSaleID(rawValue: 1),
                arrival: 1,
                place: .random(),
                expiresAt: .now + .seconds(60)
            )
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask { token.signed(with: try await SigningKeys.load(from: database.client)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(texts).count == 1)
            let rotated = try await SigningKeys.rotate(in: database.client)
            #expect(token.signed(with: rotated) != texts[0])
            #expect(try PlaceToken(texts[0], keys: rotated, now: .now) == token)
        }
    }
}
