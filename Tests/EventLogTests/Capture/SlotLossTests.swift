import Postgres
import Reactor
import TestSupport
import Testing

@testable import EventLog

/// Slots that are gone, lost, too dear, or somebody else's.
@Suite("Loss of the slot", .timeLimit(.minutes(5)))
struct SlotLossTests {
    /// Captures ten facts and ends.
    private func begin(_ desk: CaptureDesk) async throws -> FactCapture {
        let capture = desk.capture()
        try await desk.capturing(capture) { capture in
            try await desk.write(10)
            await desk.sink.wait { $0.count == 10 }
            try await desk.settled(capture)
        }
        try await desk.unread(capture)
        return capture
    }

    @Test func `a slot that somebody dropped is told of, and a resync misses nothing`() async throws {
        try await CaptureDesk.with { desk in
            let capture = try await begin(desk)
            try await desk.write(5)
            try await capture.slot.drop()
            try await desk.write(5)
            let slot = capture.slot.name
            #expect(slot == "usher_facts_sale_test")
            let problem = await #expect(throws: CaptureProblem.self) { try await desk.capture().run() }
            #expect(problem == .slotMissing(slot, told: 10))
            #expect(
                problem?.description
                    == "the replication slot \(slot) is gone, somebody has dropped it; start once with --resync: it reads "
                    + "the log from fact 10 on and goes on from a new slot"
            )
            try await desk.capturing(resyncs: true) { capture in
                await desk.sink.wait { $0.count == 20 }
                try await desk.write(5)
                await desk.sink.wait { $0.count == 25 }
                #expect(desk.sink.seqs == Array(1...25))
                try await desk.settled(capture)
            }
        }
    }

    @Test func `a slot whose log the server has thrown away is told of, and a resync misses nothing`()
        async throws
    {
        try await CaptureDesk.with(settings: ["max_slot_wal_keep_size = '1MB'"]) { desk in
            let capture = try await begin(desk)
            try await desk.write(5)
            for _ in 0..<4 {
                try await desk.client.execute(Query("switch", "SELECT pg_switch_wal()"))
                try await desk.write(1)
            }
            try await desk.client.execute(Query("checkpoint", "CHECKPOINT"))
            #expect(try await capture.slot.state()?.status == "lost")
            let problem = await #expect(throws: CaptureProblem.self) { try await desk.capture().run() }
            #expect(problem == .slotLost(capture.slot.name, told: 10))
            #expect(problem?.description.contains("max_slot_wal_keep_size") == true)
            try await desk.capturing(resyncs: true) { _ in
                await desk.sink.wait { $0.count == 19 }
                #expect(desk.sink.seqs == Array(1...19))
            }
        }
    }

    @Test func `before the server keeps more than it may, the slot is dropped, and that is told`()
        async throws
    {
        try await CaptureDesk.with { desk in
            _ = try await begin(desk)
            desk.sink.shut()
            let capture = desk.capture { $0.mostRetained = 1 << 20 }
            let running = Task { try await capture.run() }
            for _ in 0..<30 { try await desk.write(500) }
            let problem = await #expect(throws: CaptureProblem.self) { try await running.value }
            guard case .tooMuchRetained(let slot, let bytes, let most, told: 10) = problem else {
                Issue.record("\(problem as Any)")
                return
            }
            #expect(slot == capture.slot.name && bytes > most && most == 1 << 20)
            #expect(problem?.description.contains("--resync") == true)
            #expect(try await capture.slot.state() == nil, "the server need keep nothing any more")
            desk.sink.open()
            try await desk.capturing(resyncs: true) { _ in
                await desk.sink.wait { $0.count == 15_010 }
                #expect(desk.sink.seqs == Array(1...15_010))
            }
        }
    }

    @Test func `facts that the log's retention dropped before they were told are told of`() async throws {
        try await CaptureDesk.with { desk in
            let capture = try await begin(desk)
            try await desk.write(5)
            // As if a million facts had been dropped.
            try await desk.client.simple(
                """
                SELECT setval('fact_ids', 1000000);
                SELECT extend_fact_ranges();
                DROP TABLE facts_0;
                DELETE FROM fact_ranges WHERE ordinal = 0;
                """
            )
            try await desk.write(3)
            let problem = await #expect(throws: CaptureProblem.self) { try await capture.run() }
            #expect(problem == .factsDropped(after: 10, through: 999_999))
            desk.sink.forget()
            try await desk.capturing(resyncs: true) { _ in
                await desk.sink.wait { $0.count == 3 }
                #expect(desk.sink.seqs == [1_000_001, 1_000_002, 1_000_003])
            }
        }
    }

    @Test func `what can't be used is refused with what to do, and removing leaves nothing`() async throws {
        try await CaptureDesk.with { desk in
            let capture = try await begin(desk)
            // Another's slot.
            try await desk.client.execute(
                Query("slot", "SELECT pg_create_logical_replication_slot('foreign', 'test_decoding')")
            )
            let foreign = desk.capture { $0.slot = "foreign" }
            #expect(
                await problem(of: foreign) == .slotForeign("foreign", reason: "its plugin is test_decoding")
            )
            try await foreign.slot.drop()
            // A consumer that others work for.
            try await desk.client.execute(
                Query(
                    "many",
                    "INSERT INTO fact_consumers (name, parts, created_at) VALUES ('many', 4, now())"
                )
            )
            #expect(
                await problem(of: desk.capture { $0.name = "many" }) == .consumerUnfit("many", parts: 4)
            )
            try await capture.remove()
            #expect(try await capture.slot.state() == nil)
            #expect(try await desk.position == nil)
            let publications = Query("publications", "SELECT FROM pg_publication")
            #expect(try await desk.client.query(publications).isEmpty)
            // A publication that isn't ours.
            try await desk.client.execute(
                Query("publish", "CREATE PUBLICATION usher_facts_sale FOR TABLE fact_ranges")
            )
            guard case .publicationUnfit(_, let reason) = await problem(of: capture) else {
                Issue.record("it was taken")
                return
            }
            #expect(reason == "it needs publish = 'insert' and publish_via_partition_root = true")
            try await desk.client.execute(
                Query(
                    "alter",
                    "ALTER PUBLICATION usher_facts_sale SET (publish = 'insert', publish_via_partition_root = true)"
                )
            )
            #expect(
                await problem(of: capture)
                    == .publicationUnfit("usher_facts_sale", reason: "it lacks sale.facts")
            )
            // One that came later than what the slot has to read.
            try await capture.slot.unpublish()
            try await desk.capturing { capture in
                await desk.sink.wait { $0.count == 20 }
                try await desk.settled(capture)
            }
            try await desk.unread(capture)
            try await capture.slot.unpublish()
            try await desk.write(1)
            guard case .publicationUnfit(_, let late) = await problem(of: capture) else {
                Issue.record("it was taken")
                return
            }
            #expect(late.hasSuffix("start once with --resync"))
            // What was written then may have been told from the log's table before the stream broke, or not.
            desk.sink.forget()
            try await desk.capturing(resyncs: true) { _ in
                try await desk.write(1)
                await desk.sink.wait { $0.last?.seq == 12 }
                #expect(desk.sink.seqs.drop { $0 == 11 } == [12])
            }
        }
    }

    private func problem(of capture: FactCapture) async -> CaptureProblem? {
        await #expect(throws: CaptureProblem.self) { try await capture.run() }
    }

    @Test func `a server that doesn't log enough is told of`() async throws {
        try await CaptureDesk.with(wal: "replica") { desk in
            #expect(await problem(of: desk.capture()) == .notLogical(level: "replica"))
        }
    }

    @Test func `names of slots are such as the server takes`() {
        #expect(FactCapture.slotName(schema: "My Öl", consumer: "kafka-1") == "usher_facts_my__l_kafka_1")
        #expect(FactCapture.slotName(schema: String(repeating: "x", count: 99), consumer: "k").count == 63)
    }
}
