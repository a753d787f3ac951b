import Jobs
import JobsTesting
import Postgres
import TestSupport
import Testing
import Workflows

/// What becomes of runs whose function fails, is missing, or answers in another way than it must.
@Suite(.timeLimit(.minutes(5)))
struct TransitionFaultTests {
    // MARK: A function that fails

    @Test
    func `A run for which the function fails is tried again by its workflow's policy, and holds up nobody`()
        async throws
    {
        try await withHall { hall in
            let runs = try await hall.hold(Array(1...40) + [-1] + Array(41...80))
            try await hall.late()
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.ended == 80 && outcome.handedOver == 1)
            #expect(outcome.failure?.contains("there is no such seat") == true)
            #expect(try await hall.calls().reduce(0, +) == 80)
            try await hall.tester.drain()
            let bad = runs[40]
            #expect(try await hall.record(bad).state == .scheduled)
            #expect(try await hall.record(bad).failures == 1)
            let record = try await hall.tester.finish(bad)
            #expect(record.state == .failed && record.error?.contains("there is no such seat") == true)
            let letters = try await hall.tester.client.store.deadLetters()
            #expect(letters.map(\.id) == [bad])
            try await hall.audit()
        }
    }

    @Test func `A function that fails for everybody hands them over after a bounded number of calls`()
        async throws
    {
        try await withHall { hall in
            let runs = try await hall.hold(Array(repeating: -1, count: 150))
            try await hall.database.create("CREATE SEQUENCE tries")
            try await hall.database.create("DROP FUNCTION let_go")
            try await hall.database.create(
                """
                CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
                LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'never'; END $$
                """
            )
            try await hall.late()
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.handedOver == 150 && outcome.ended == 0)
            let tries: Int64 = try await hall.database.client.query(Query("t", "SELECT nextval('tries')"))[0][
                0
            ]
            #expect(tries < 250)
            #expect(try await hall.record(runs[149]).state == .ready)
            #expect(try await hall.database.count("transition_timers") == 0)
            try await hall.audit()
        }
    }

    @Test func `A run that is mended expires at its next attempt`() async throws {
        try await withHall { hall in
            let run = try await hall.hold([-1])[0]
            try await hall.late()
            #expect(try await hall.round.fire("let_go").handedOver == 1)
            try await hall.tester.drain()
            try await hall.database.create("DROP FUNCTION let_go")
            try await hall.database.create(
                """
                CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
                LANGUAGE sql AS $$ SELECT g.run, '"mended"'::jsonb FROM unnest(runs) AS g (run) $$
                """
            )
            #expect(try await hall.tester.finish(run).output?.text == "\"mended\"")
        }
    }

    @Test func `A function that is not there is named, and what failed for good is undone`() async throws {
        try await withHall { hall in
            let run = try await hall.tester.client.start(Nameless.self, 1)
            try await hall.tester.drain()
            try await hall.late()
            let missing = """
                the transition forgotten(bigint[], jsonb[]) does not exist; a migration of yours must make it
                """
            let outcome = try await hall.round.fire("forgotten")
            #expect(outcome.failure == missing && outcome.handedOver == 1)
            #expect(try await hall.tester.finish(run).error == missing)
        }
    }

    @Test func `A function that leaves a run out does nothing for it, and the error names both`() async throws
    {
        try await withHall { hall in
            let run = try await hall.tester.client.start(Visit.self, 0)
            let other = try await hall.hold([3])[0]
            try await hall.late()
            let outcome = try await hall.round.fire("let_go")
            #expect(outcome.ended == 1 && outcome.handedOver == 1)
            #expect(try await hall.record(other).output?.text == "\"let go\"")
            try await hall.tester.drain()
            #expect(
                try await hall.record(run).error == """
                    the transition let_go(bigint[], jsonb[]) returned no row for run \(run); one is wanted for each, \
                    with a null output to turn it down
                    """
            )
        }
    }

    @Test func `Answers that are not one row for each run are refused`() async throws {
        try await withHall { hall in
            func answer(_ body: SQL) async throws -> String? {
                let run = try await hall.hold([5])[0]
                try await hall.database.create("DROP FUNCTION let_go")
                try await hall.database.create(
                    """
                    CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
                    LANGUAGE sql AS $$ \(fragment: body) $$
                    """
                )
                try await hall.late()
                defer { _ = run }
                return try await hall.round.fire("let_go").failure
            }
            let twice = try await answer("SELECT runs[1], '1'::jsonb UNION ALL SELECT runs[1], '2'::jsonb")
            #expect(twice?.contains("returned run") == true && twice?.hasSuffix("twice") == true)
            let stranger = try await answer("SELECT runs[1], '1'::jsonb UNION ALL SELECT -7, '2'::jsonb")
            #expect(stranger?.hasSuffix("returned run -7, which it was not given") == true)
            let nobody = try await answer("SELECT NULL::bigint, '1'::jsonb")
            #expect(nobody?.hasSuffix("returned a row without a run") == true)
        }
    }

    @Test(arguments: ["", "a.b.c", ".x", "x."])
    func `A name that can't be a function's is refused`(name: String) throws {
        #expect(throws: JobsError.self) { try RunTransition.call(name, []) }
    }

    @Test func `A name is a name, whatever is in it`() throws {
        let call = try RunTransition.call("app.let go\"; DROP", [])
        #expect(call.text.contains("\"app\".\"let go\"\"; DROP\"($1, $2)"))
    }

    @Test func `A row that a stranger holds keeps back only the run that needs it`() async throws {
        try await withHall { hall in
            let runs = try await hall.hold(Array(1...8))
            try await hall.late()
            let round = TransitionRound(
                postgres: hall.database.client,
                lockTimeout: .milliseconds(20),
                statementTimeout: .seconds(30)
            )
            try await hall.database.client.withTransaction { tx in
                try await tx.execute(Query("t", "UPDATE chairs SET extended = 1 WHERE id = 6"))
                let outcome = try await round.fire("let_go")
                #expect(outcome.ended == 7 && outcome.handedOver == 1)
            }
            try await hall.tester.drain()
            for run in runs { #expect(try await hall.record(run).output?.text == "\"let go\"") }
        }
    }
}
