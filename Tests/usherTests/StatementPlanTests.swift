import TestSupport
import Testing

/// The program's own statements are not run while anybody buys; the others are its libraries'.
@Suite("The program's statements")
struct StatementPlanTests {
    private static let excused: [String: [String]] = [
        "reads the clock's one row, or no table at all": ["usher_now", "clock_now"],
        "once at the start of a program, and reads no table": ["server.reach"],
        "a row per pool": ["pools.lock", "pools.any", "pools.add", "pools.read"],
        "a measurement, on tables of its own or the catalog": [
            "bench_gate_close", "bench_gate_open", "bench_gate_pass", "bench_version", "bench_schema_make",
            "bench_schema_drop", "bench_tables", "bench_dead_rows", "bench_order", "bench_notify",
            "bench_horizon_stay", "bench_witness", "bench_horizon_pin", "bench_floor_notify", "bench_backend",
            "bench_wal", "bench_clock", "bench_ended", "bench_now", "bench_released", "bench_writes",
            "bench_commits", "bench_report", "bench_room_now", "bench_room_open", "bench_room_door",
            "bench_room_draw", "bench_room_joined", "bench_sale_seats", "bench_sale_books",
            "bench_sale_admit", "bench_sale_places", "bench_sale_issued", "bench_sale_drawn",
            "bench_sale_held", "bench_expired", "bench_expiry_floor", "bench_room_say",
            "bench_transactions", "bench_events", "bench_facts", "bench_told",
            "bench_pages", "bench_pages_bands",
            "bench_search_count",
        ],
        "the server's own views, and tables with a row for each queue or process": [
            "doctor.settings", "doctor.clock", "doctor.server", "doctor.slots", "doctor.tables",
            "doctor.queues",
        ],
        "a rehearsal's, in a schema of its own": [
            "rehearsal.clock_make", "rehearsal.clock_set", "rehearsal.ranges", "rehearsal.lanes",
            "rehearsal.draw", "rehearsal.drop", "rehearsal.leftovers",
        ],
        "the demo's books, which go through everything on purpose": [
            "demo.drop", "demo.tiers", "demo.ends", "demo.stuck", "demo.under_way", "demo.backend",
            "demo.events",
        ],
    ]

    @Test func `Every statement has a reason to have no plan`() throws {
        let excused = Self.excused.values.flatMap(\.self)
        let names = try SourceStatements.names(in: "usher")
        #expect(names.subtracting(excused).sorted() == [], "not excused")
        #expect(Set(excused).subtracting(names).sorted() == [], "no longer there")
    }
}
