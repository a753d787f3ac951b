import Jobs
import Postgres
import Scheduler
import Telemetry
import Testing
import TestSupport

/// Recurring jobs: each time once, whatever was missed and whoever leads.
@Suite(.timeLimit(.minutes(5)))
struct RecurrenceTests {
    private func schedule(
        _ rhythm: Recurrence.Rhythm,
        missed: Recurrence.Missed = .once,
        overlaps: Bool = true
    ) -> Recurrence {
        var schedule = Recurrence(name: "tick", jobName: "x", input: JSONB(text: #"{"a":1}"#), rhythm: rhythm)
        schedule.missed = missed
        schedule.overlaps = overlaps
        schedule.instantField = "at"
        return schedule
    }

    private struct Fired: Decodable {
        let a: Int
        let at: String
    }

    private func fired(_ desk: PlainDesk) async throws -> [String] {
        let result = try await RecurrenceFiring.fireDue(on: desk.database.client)
        #expect(result.problems == [])
        return try await desk.claim().map {
            try JSONCoding.decode(Fired.self, from: $0.input, what: "an input").at
        }
    }

    /// Sets the clock to an instant.
    private func set(_ desk: PlainDesk, _ instant: String) async throws {
        try await desk.execute(
            "UPDATE clock SET shift = shift + (\(instant)::text::timestamptz - usher_now())"
        )
    }

    @Test(arguments: [
        (Recurrence.Missed.once, ["2026-06-01T13:00:00Z"]), (.skip, []),
        (.all(limit: 3), ["2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z"]),
    ])
    func `Missed times are left out, made up by one, or each`(
        policy: Recurrence.Missed,
        expected: [String]
    ) async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await set(desk, "2026-06-01T08:30:00Z")
            try await schedule(.cron(try CronExpression("@hourly")), missed: policy).save(on: database.client)
            #expect(try await fired(desk) == [])
            try await set(desk, "2026-06-01T09:00:01Z")
            #expect(try await fired(desk) == ["2026-06-01T09:00:00Z"])
            #expect(try await fired(desk) == [])
            try await set(desk, "2026-06-01T13:20:00Z")
            #expect(try await fired(desk) == expected)
            try await set(desk, "2026-06-01T14:00:01Z")
            #expect(try await fired(desk) == ["2026-06-01T14:00:00Z"])
        }
    }

    @Test func `A month of missed seconds is made up from its end`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await set(desk, "2026-06-01T08:30:00Z")
            try await schedule(.cron(try CronExpression("* * * * * *")), missed: .all(limit: 2)).save(
                on: database.client
            )
            try await set(desk, "2026-07-01T00:00:10Z")
            #expect(try await fired(desk) == ["2026-07-01T00:00:09Z", "2026-07-01T00:00:10Z"])
        }
    }

    @Test func `A firing is left out while the last is unfinished, if it is to be`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await schedule(.every(.seconds(10)), overlaps: false).save(on: database.client)
            func fire() async throws -> [ClaimedJob] {
                try await desk.shiftClock(10)
                _ = try await RecurrenceFiring.fireDue(on: database.client)
                return try await desk.claim()
            }
            let first = try await fire()
            #expect(first.count == 1)
            #expect(try await fire().isEmpty)
            try await desk.end(first, .done(output: nil))
            #expect(try await fire().count == 1)
        }
    }

    @Test func `Of four schedulers one fires each time`() async throws {
        try await withDatabase(pool: .init(maximum: 6)) { database in
            let desk = try await PlainDesk(database)
            try await schedule(.cron(try CronExpression("* * * * *"))).save(on: database.client)
            for _ in 0..<10 {
                try await desk.shiftClock(60)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask { _ = try await RecurrenceFiring.fireDue(on: database.client) }
                    }
                    try await group.waitForAll()
                }
            }
            let claimed = try await desk.claim()
            #expect(claimed.count == 10)
            #expect(Set(claimed.map(\.input.text)).count == 10)
        }
    }

    @Test func `Four schedulers that all run fire a time once`() async throws {
        try await withDatabase(pool: .init(maximum: 6)) { database in
            let desk = try await PlainDesk(database)
            let schedulers = (0..<4).map { number in
                JobScheduler(
                    postgres: database.client,
                    name: "s\(number)",
                    logger: Logger(label: "test", level: .error)
                )
            }
            try await schedule(.cron(try CronExpression("@monthly")), missed: .once).save(on: database.client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for scheduler in schedulers { group.addTask { await scheduler.run() } }
                for _ in 0..<3 {
                    let before = try await desk.count("jobs")
                    try await desk.shiftClock(31 * 86_400)
                    while try await desk.count("jobs") == before {
                        try await desk.execute("SELECT pg_sleep(0.01)")
                    }
                }
                for scheduler in schedulers { scheduler.stop() }
                try await group.waitForAll()
            }
            #expect(try await desk.count("jobs") == 3)
        }
    }

    @Test func `A schedule that can't fire does not keep the others from it`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await schedule(.every(.seconds(5))).save(on: database.client)
            var lost = schedule(.every(.seconds(5)))
            lost.name = "lost"
            lost.queue = "nowhere"
            try await lost.save(on: database.client)
            try await desk.shiftClock(6)
            let result = try await RecurrenceFiring.fireDue(on: database.client)
            #expect(result.problems.contains { $0.hasPrefix("schedule lost:") && $0.contains("nowhere") })
            #expect(result.queues == ["default"])
            #expect(try await desk.claim().count == 1)
        }
    }

    @Test func `A schedule keeps its time when it is saved again, pauses and goes`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            func nextAt() async throws -> PostgresTimestamp? {
                try await database.client.query(Query("t", "SELECT next_at FROM schedules")).first.map {
                    try $0[0]
                }
            }
            let daily = schedule(.cron(try CronExpression("@daily", timeZone: "Asia/Tokyo")))
            try await daily.save(on: database.client)
            let first = try await nextAt()
            try await desk.shiftClock(40)
            try await daily.save(on: database.client)
            #expect(try await nextAt() == first)
            #expect(first.map { "\($0)".hasSuffix("T15:00:00Z") } == true)
            try await schedule(.every(.seconds(7))).save(on: database.client)
            #expect(try await nextAt() != first)
            #expect(try await Recurrence.setPaused(true, "tick", on: database.client))
            try await desk.shiftClock(100)
            #expect(try await fired(desk) == [])
            #expect(try await Recurrence.setPaused(false, "tick", on: database.client))
            #expect(try await fired(desk).count == 1)
            #expect(try await Recurrence.remove("tick", on: database.client))
            #expect(try await !Recurrence.remove("tick", on: database.client))
            let error = await #expect(throws: JobsError.self) {
                try await schedule(.every(.milliseconds(10))).save(on: database.client)
            }
            #expect(error?.code == .invalidSchedule)
        }
    }
}
