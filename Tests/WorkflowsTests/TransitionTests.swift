import Jobs
import JobsTesting
import Postgres
import TestSupport
import Testing
import Workflows

/// Timers that end runs by a function of SQL.
@Suite(.timeLimit(.minutes(5)))
struct TransitionTests {
    // MARK: What it is for

    @Test func `Runs that expire together end by one call, and none of their code is driven`() async throws {
        try await withHall { hall in
            let runs = try await hall.hold(Array(1...200))
            #expect(try await hall.round.due() == [])
            #expect(try await hall.round.fire("let_go").ended == 0)
            try await hall.audit()
            try await hall.late()
            #expect(try await hall.round.due() == ["let_go"])
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.ended == 200 && outcome.handedOver == 0 && outcome.failure == nil)
            #expect(try await hall.calls() == [200])
            #expect(try await hall.seats("is_free") == 200)
            for run in runs {
                let record = try await hall.record(run)
                #expect(record.state == .done && record.output?.text == "\"let go\"")
                #expect(record.finishedAt != nil && record.failures == 0)
                // Claimed once, when it was started.
                #expect(record.epoch == 1)
            }
            #expect(try await hall.tester.client.result(of: runs[0], SeatHold.self) == "let go")
            #expect(try await hall.database.count("transition_timers") == 0)
            #expect(try await hall.round.due() == [])
            try await hall.audit()
        }
    }

    @Test func `A scheduler ends them without a worker`() async throws {
        try await withHall { hall in
            let runs = try await hall.hold([1, 2, 3])
            try await hall.late()
            try await withScheduler(hall.database) {
                for run in runs {
                    let record = try await hall.database.ended(run)
                    #expect(record.state == .done)
                }
            }
            for run in runs { #expect(try await hall.record(run).epoch == 1) }
        }
    }

    @Test func `An event in time is all that happens`() async throws {
        try await withHall { hall in
            let run = try await hall.hold([7])[0]
            #expect(try await hall.tester.client.send(SeatHold.paid, 40, to: run) == .delivered)
            try await hall.tester.drain()
            #expect(try await hall.record(run).output?.text == "\"paid 40\"")
            try await hall.late()
            // Its timer is there still, and means nothing.
            #expect(try await hall.round.fire("let_go").ended == 0)
            #expect(try await hall.database.count("transition_timers") == 0)
            #expect(try await hall.calls() == [])
            #expect(try await hall.seats("is_free") == 0)
        }
    }

    @Test func `Keys, batches and parents hear of it as of any end`() async throws {
        try await withHall { hall in
            let store = hall.tester.client.store
            try await store.ensureQueue("default")
            let callback = NewJob(name: "told", input: JSONB(text: "0"))
            let batch = try await store.openBatch("holds", whenDone: callback)
            var job = try NewJob.run(SeatHold.self, 1)
            job.key = "seat 1"
            job.unique = Uniqueness(by: .key, while: .unfinished)
            job.batch = batch
            let run = try await store.enqueue([job])[0]
            let parent = try await hall.tester.client.start(Booking.self, 2)
            try await hall.tester.drain()
            try await store.seal(batch)
            let keys = try await hall.database.count("job_keys")
            try await hall.late()
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.ended == 2 && outcome.woken == ["default"])
            #expect(try await hall.record(run).state == .done)
            #expect(try await hall.database.count("job_keys") == keys - 1)
            while try await BatchFold.fold(store).tallies > 0 {}
            #expect(try await store.report(on: batch)?.done == 1)
            try await hall.tester.drain()
            #expect(try await hall.record(parent).output?.text == "\"hold let go\"")
            try await hall.audit()
        }
    }

    // MARK: Exactly one of the two

    @Test func `An event whose transaction has the run when its time comes wins`() async throws {
        try await withHall { hall in
            let runs = try await hall.hold([1, 2])
            try await hall.late()
            try await hall.database.client.withTransaction { tx in
                let sent = try await hall.tester.client.send(SeatHold.paid, 5, to: runs[0], in: &tx)
                #expect(sent == .delivered)
                // The other one isn't held up.
                let outcome = try await hall.round.fire("let_go")
                #expect(outcome.ended == 1)
            }
            #expect(try await hall.round.fire("let_go").ended == 0)
            try await hall.tester.drain()
            #expect(try await hall.record(runs[0]).output?.text == "\"paid 5\"")
            #expect(try await hall.record(runs[1]).output?.text == "\"let go\"")
            #expect(try await hall.seats("is_free") == 1)
        }
    }

    @Test func `An event that comes while the function is at work finds the run ended`() async throws {
        try await withHall { hall in
            let run = try await hall.hold([1])[0]
            try await hall.late()
            let (round, client, database) = (hall.round, hall.tester.client, hall.database)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await database.client.withTransaction { tx in
                    // The function waits for the seat.
                    try await tx.execute(Query("t", "UPDATE chairs SET extended = 9 WHERE id = 1"))
                    group.addTask {
                        let outcome = try await round.fire("let_go")
                        #expect(outcome.ended == 1)
                    }
                    try await database.waiting(1)
                    group.addTask {
                        let sent = try await client.send(SeatHold.paid, 5, to: run)
                        #expect(sent == .ended)
                    }
                    try await database.waiting(2)
                }
                try await group.waitForAll()
            }
            #expect(try await hall.record(run).output?.text == "\"let go\"")
            #expect(try await database.count("events") == 0)
        }
    }

    @Test func `Two schedulers that both lead end each run once`() async throws {
        try await withHall { hall in
            _ = try await hall.hold(Array(1...300))
            try await hall.late()
            let round = TransitionRound(postgres: hall.database.client, batch: 20)
            let ended = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        var ended = 0
                        while try await !round.due().isEmpty { ended += try await round.fire("let_go").ended }
                        return ended
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(ended == 300)
            #expect(try await hall.calls().reduce(0, +) == 300)
        }
    }

    @Test func `Two calls are under way at a time, each for its own runs`() async throws {
        try await withHall { hall in
            _ = try await hall.hold([1, 2, 3])
            try await hall.late()
            let (database, round) = (
                hall.database, TransitionRound(postgres: hall.database.client, batch: 1, lanes: 2)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await database.client.withTransaction { tx in
                    // Each call waits for a seat of its own.
                    try await tx.execute(Query("t", "UPDATE chairs SET extended = 9 WHERE id IN (1, 2)"))
                    group.addTask {
                        let outcome = try await round.fire("let_go")
                        #expect(outcome.ended == 2 && outcome.hasMore)
                    }
                    try await database.waiting(2)
                }
                try await group.waitForAll()
            }
            #expect(try await round.fire("let_go").ended == 1)
            #expect(try await hall.calls() == [1, 1, 1])
            #expect(try await hall.seats("is_free") == 3)
        }
    }

    // MARK: While it is driven

    @Test func `Runs that are driven after their time has come end by the function, in one call`()
        async throws
    {
        try await withHall { hall in
            let runs = try await hall.hold(Array(1...50))
            try await hall.pause(runs)
            try await hall.late()
            #expect(try await hall.round.fire("let_go").ended == 0)
            #expect(try await hall.seats("is_free") == 0)
            // One was paid while nobody looked.
            #expect(try await hall.tester.client.send(SeatHold.paid, 8, to: runs[0]) == .delivered)
            try await hall.resume(runs)
            try await hall.tester.drain()
            #expect(try await hall.record(runs[0]).output?.text == "\"paid 8\"")
            for run in runs.dropFirst() {
                #expect(try await hall.record(run).output?.text == "\"let go\"")
            }
            #expect(try await hall.calls() == [49])
            #expect(try await hall.seats("is_free") == 49)
            let named: Int64 = try await hall.database.client.query(
                Query("t", "SELECT count(*) FROM jobs WHERE transition = 'let_go' AND state = 'done'")
            )[0][0]
            #expect(named == 49)
            try await hall.audit()
        }
    }

    @Test func `A paused run that is resumed in time waits on until the same instant`() async throws {
        try await withHall { hall in
            let run = try await hall.hold([1])[0]
            try await hall.database.shiftClock(300)
            try await hall.pause([run])
            try await hall.resume([run])
            try await hall.tester.drain()
            #expect(try await hall.record(run).state == .waiting)
            try await hall.audit()
            try await hall.database.shiftClock(301)
            #expect(try await hall.round.fire("let_go").ended == 1)
            #expect(try await hall.database.count("transition_timers") == 0)
        }
    }

    @Test func `A time that comes while an effect is under way ends the run with the next commit`()
        async throws
    {
        try await withHall(work: { database, _ in try await database.shiftClock(601) }) { hall in
            let run = try await hall.tester.client.start(BusyHold.self, 5)
            try await hall.tester.drain()
            #expect(try await hall.record(run).output?.text == "\"let go\"")
            #expect(try await hall.calls() == [1])
            let kept: Int64 = try await hall.database.client.query(
                Query("t", "SELECT count(*) FROM checkpoints WHERE job_id = \(run.rawValue) AND key = 'work'")
            )[0][0]
            #expect(kept == 1)
            try await hall.audit()
        }
    }

    @Test func `A run that is paused meanwhile does not end before it is resumed`() async throws {
        try await withHall(
            work: { database, run in
                try await database.shiftClock(601)
                try await database.client.execute(
                    Query("t", "UPDATE jobs SET paused = true WHERE id = \(run.rawValue)")
                )
            }
        ) { hall in
            let run = try await hall.tester.client.start(BusyHold.self, 5)
            try await hall.tester.drain()
            #expect(try await hall.record(run).state == .waiting)
            #expect(try await hall.round.fire("let_go").ended == 0)
            #expect(try await hall.calls() == [])
            try await hall.resume([run])
            try await hall.tester.drain()
            #expect(try await hall.record(run).output?.text == "\"let go\"")
            #expect(try await hall.calls() == [1])
        }
    }

    @Test func `A run without any time ends in its first go`() async throws {
        try await withHall { hall in
            let run = try await hall.tester.client.start(NoHold.self, 5)
            try await hall.tester.drain()
            #expect(try await hall.record(run).output?.text == "\"let go\"")
            #expect(try await hall.seats("is_free") == 1)
            // What it asked for in the same commit is done.
            #expect(try await hall.record(JobID(rawValue: run.rawValue + 1)).name == "hold")
            #expect(try await hall.database.count("transition_timers") == 1)
        }
    }

    @Test func `A cancelled run is left alone`() async throws {
        try await withHall { hall in
            let run = try await hall.hold([1])[0]
            #expect(try await hall.tester.client.cancel(run) == true)
            try await hall.late()
            #expect(try await hall.round.fire("let_go").ended == 0)
            #expect(try await hall.record(run).state == .cancelled)
            #expect(try await hall.seats("is_free") == 0)
        }
    }

    // MARK: What the function turns down

    @Test func `What the function turns down goes on in its code, and may expire once more`() async throws {
        try await withHall { hall in
            let client = hall.tester.client
            let refused = try await client.start(LongHold.self, 1500)
            let taken = try await client.start(LongHold.self, 15)
            try await hall.tester.drain()
            try await hall.late()
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.ended == 1 && outcome.handedOver == 1 && outcome.woken == ["default"])
            try await hall.tester.drain()
            #expect(try await hall.record(taken).output?.text == "\"let go\"")
            #expect(try await hall.record(refused).state == .waiting)
            #expect(try await hall.seats("extended = 1") == 1)
            // Once more, and this time it would be let go.
            try await hall.database.create("UPDATE chairs SET extended = 0 WHERE id = 1500")
            try await hall.late()
            #expect(try await hall.round.fire("let_go").handedOver == 1)
            try await hall.tester.drain()
            #expect(try await hall.record(refused).output?.text == "\"gave up\"")
            try await hall.audit()
        }
    }

    @Test func `A run that is turned down and can't go on fails and says so`() async throws {
        try await withHall { hall in
            let run = try await hall.tester.client.start(Visit.self, 1500)
            let record = try await hall.tester.finish(run)
            #expect(record.state == .failed)
            #expect(record.error?.contains("let_go turned the run down with a null output") == true)
            // What it had done is undone.
            #expect(try await hall.seats("extended = -1") == 1)
        }
    }

    // MARK: Runs started from SQL

    @Test func `A function may start other runs`() async throws {
        try await withHall { hall in
            try await hall.database.create("DROP FUNCTION let_go")
            try await hall.database.create(
                """
                CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
                LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM start_runs('hold', ARRAY(SELECT to_jsonb(100 + g) FROM unnest(runs) AS g), timeout => '1 day');
                    RETURN QUERY SELECT g.run, '"passed on"'::jsonb FROM unnest(runs) AS g (run);
                END
                $$
                """
            )
            let runs = try await hall.hold([1, 2, 3])
            try await hall.late()
            #expect(try await hall.round.fire("let_go").ended == 3)
            try await hall.tester.drain()
            let store = hall.tester.client.store
            for (index, run) in runs.enumerated() {
                #expect(try await hall.record(run).output?.text == "\"passed on\"")
                let next = JobID(rawValue: runs[2].rawValue + Int64(index) + 1)
                let started = try #require(try await store.job(next))
                #expect(started.name == "hold" && started.state == .waiting)
                #expect(started.input.text == "\(100 + run.rawValue)")
            }
            try await hall.audit()
        }
    }

    @Test func `Runs can't be started from SQL without a queue, a name or inputs`() async throws {
        try await withHall { hall in
            for (call, complaint) in [
                ("start_runs('hold', '{1}', queue => 'nowhere')", "there is no queue nowhere"),
                ("start_runs(NULL, '{1}')", "must not be null"),
                ("start_runs('hold', ARRAY[NULL]::jsonb[])", "must not be null"),
            ] as [(SQL, String)] {
                try await hall.tester.client.store.ensureQueue("default")
                let error = await #expect(throws: PostgresError.self) {
                    try await hall.database.client.query(Query("t", "SELECT \(fragment: call)"))
                }
                #expect(error?.message.contains(complaint) == true)
            }
        }
    }
}
