@testable import BoxOffice
import Foundation
import Postgres
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PlanTests {
    @Test(arguments: [("arena", 11_948, 8), ("small-hall", 600, 4)])
    func `the examples are read`(name: String, capacity: Int, tiers: Int) throws {
        let plan = try Plan(json: Self.example(name))
        #expect(plan.capacity == capacity)
        #expect(plan.tiers.count == tiers)
        #expect(plan.tiers.map { plan.capacity(ofTier: $0.id) }.reduce(0, +) == capacity)
        #expect(plan.tiers.contains { $0.numbered })
        #expect(plan.tiers.contains { !$0.numbered })
    }

    @Test func `rows and seats are spelt out`() throws {
        let plan = try Plan(json: Self.json())
        #expect(plan.title == "Evening")
        #expect(plan.schedule.startsAt - plan.schedule.opensAt == .seconds(1800))
        #expect(plan.rules.turnSeconds == 120)
        #expect(plan.reservations.maxPerBuyer == 6)
        guard case .seated(let rows) = plan.sections[1].room else {
            Issue.record("not seated")
            return
        }
        #expect(rows.map(\.label) == ["A", "B", "C"])
        #expect(rows[0].seats.map(\.number) == [1, 2, 4, 5])
        #expect(rows[0].seats.filter(\.accessible).map(\.number) == [5])
        #expect(plan.tiers.map(\.numbered) == [false, true])
        #expect(plan.sections[1].focus == nil)
    }

    @Test func `A section's focus is one of its seats`() throws {
        let plan = try Plan(
            json: Self.json(
                replacing: #""tier": "seats","#,
                with: #""tier": "seats", "focus": {"row": "B", "seat": 4},"#
            )
        )
        #expect(plan.sections.map(\.focus) == [nil, .init(row: "B", seat: 4)])
    }

    @Test(arguments: [
        (
            #""title": "Evening""#, #""titel": "Evening""#,
            "titel: is not a field of this; accepted: title, venue"
        ),
        (#""title": "Evening""#, #""titel": "Evening""#, "title: is missing; it must be a text"),
        (#""title": "Evening""#, #""title": 7"#, "title: must be a text of 1 to 200 characters; found 7"),
        (#""EUR""#, #""Euro""#, #"currency: must be an ISO 4217 code such as EUR; found "Euro""#),
        (#""capacity": 112"#, #""capacity": 113"#, "capacity: says 113, but the sections add up to 112"),
        (#""capacity": 12,"#, #""capacity": 13,"#, "sections[1].capacity: says 13, but the section holds 12"),
        (
            #""price": 4500"#, #""price": 45.5"#,
            "tiers[1].price: must be a whole number from 0 to 100000000; found 45.5"
        ),
        (
            #""tier": "seats""#, #""tier": "seat""#,
            #"sections[1].tier: "seat" is not a tier of this plan; accepted: "floor", "seats""#
        ),
        (
            #""tier": "seats""#, #""tier": "floor""#,
            #"tiers[0]: tier "floor" has seated and standing sections"#
        ),
        (
            #""seats": "1-2,4-5""#, #""seats": "5-1""#,
            #"sections[1].rows[0].seats: must be a count such as 22"#
        ),
        (
            #""accessible": "5""#, #""accessible": "3""#,
            "sections[1].rows[0].accessible: there is no seat 3 in this row"
        ),
        (
            #""tier": "seats","#, #""tier": "seats", "focus": {"row": "D", "seat": 4},"#,
            #"sections[1].focus.row: "D" is not a row of this section; accepted: "A", "B", "C""#
        ),
        (
            #""tier": "seats","#, #""tier": "seats", "focus": {"row": "B", "seat": 3},"#,
            #"sections[1].focus.seat: there is no seat 3 in row "B"; accepted: 1, 2, 4, 5"#
        ),
        (
            #""tier": "seats","#, #""tier": "seats", "focus": "B4","#,
            #"sections[1].focus: must be an object with row, seat; found "B4""#
        ),
        (
            #""standing": 100"#, #""standing": 100, "focus": {"row": "A", "seat": 1}"#,
            "sections[0].focus: is for a section with rows; this one is standing"
        ),
        (#""row": "A-C""#, #""row": "A-?""#, #"sections[1].rows[0].row: must be a row such as "A""#),
        (#""standing": 100"#, #""standing": 100, "rows": []"#, "sections[0]: must have either standing"),
        (#"10:00:00Z""#, #"09:00:00Z""#, "starts_at: (2026-06-12T09:00:00Z) must not be before opens_at"),
        (#""2026-06-12T20:00:00Z""#, #""tomorrow""#, #"closes_at: must be an RFC 3339 instant such as"#),
        (#""id": "seats""#, #""id": "floor""#, #"tiers[1].id: "floor" is used by another tier"#),
        (
            #""rate_per_minute": 60"#, #""rate_per_minute": 0"#,
            "rate_per_minute: must be a whole number from 1 to 1000000; found 0"
        ),
    ])
    func `a mistake is named with its place and what is accepted`(
        right: String,
        wrong: String,
        message: String
    ) {
        let error = #expect(throws: PlanError.self) {
            try Plan(json: Self.json(replacing: right, with: wrong))
        }
        let lines = error?.description.split(separator: "\n") ?? []
        #expect(lines.contains { $0.hasPrefix(message) }, "\(lines)")
    }

    @Test(arguments: ["", "[1]", "{", "null", #"{"title": }"#])
    func `what is no plan at all is refused`(text: String) {
        #expect(throws: PlanError.self) { try Plan(json: Array(text.utf8)) }
    }

    @Test func `all mistakes are told at once`() {
        let error = #expect(throws: PlanError.self) { try Plan(json: Array("{}".utf8)) }
        #expect((error?.issues.count ?? 0) >= 11)
    }

    static func example(_ name: String) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
            .standardized
        return Array(try Data(contentsOf: root.appending(path: "Examples/\(name).json")))
    }

    static func json(replacing right: String = "", with wrong: String = "") -> [UInt8] {
        let text = """
            {"title": "Evening", "venue": "Hall", "city": "Bremen", "currency": "EUR",
             "opens_at": "2026-06-12T09:30:00Z", "starts_at": "2026-06-12T10:00:00Z", "closes_at": "2026-06-12T20:00:00Z",
             "rate_per_minute": 60, "active_limit": 50, "capacity": 112,
             "tiers": [{"id": "floor", "name": "Standing", "price": 3000}, {"id": "seats", "name": "Seats", "price": 4500}],
             "sections": [{"id": "F", "name": "Floor", "tier": "floor", "standing": 100},
              {"id": "S", "tier": "seats", "capacity": 12, "rows": [{"row": "A-C", "seats": "1-2,4-5", "accessible": "5"}]}]}
            """
        return Array((right.isEmpty ? text : text.replacing(right, with: wrong)).utf8)
    }
}
