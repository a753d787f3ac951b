import Jobs
import Postgres
import Testing
import Workflows

private let paid = EventKey<Int>("paid")

/// Replays of histories that are written down here: no database.
@Suite(.timeLimit(.minutes(1)))
struct HistoryReplayTests {
    private func history(
        state: String = "done",
        output: String = "\"order 7 paid 30\"",
        steps: [(String, String, String)]
    ) throws -> RunHistory {
        let rows = steps.enumerated().map { index, step in
            """
            {"key":"\(step.0)","kind":"\(step.1)","value":\(step.2),"epoch":1,"at":\(1000 + index)}
            """
        }
        return try RunHistory(
            document: JSONB(
                text: """
                    {"run":5,"workflow":"scripted","queue":"default","state":"\(state)","code_version":null,
                    "generation":0,"failures":0,"error":null,"created_at":1,"finished_at":null,"input":7,
                    "output":\(output),"steps":[\(rows.joined(separator: ","))],
                    "events":[{"name":"paid","value":30,"at":1001}],"values":[],"attributes":[],"children":[]}
                    """
            )
        )
    }

    private let whole = [
        ("create", "result", "\"order 7\""), ("wait", "wait", "{\"deadlines\":[null,90000000],\"won\":0}"),
        ("book", "result", "{}"),
    ]

    private func replay(
        _ history: RunHistory,
        _ body: @escaping @Sendable (WorkflowContext, Int) async throws -> String
    ) -> HistoryReplay {
        var registry = WorkflowRegistry()
        registry.register(Scripted(body: body))
        return HistoryReplay(history, with: registry)
    }

    @Sendable private static func order(_ context: WorkflowContext, _ input: Int) async throws -> String {
        let order = try await context.step("create") { _ in "order \(input)" }
        let amount = try await context.first(on(paid) { $0 }, after(.seconds(90)) { 0 })
        try await context.step("book") { _ in }
        return "\(order) paid \(amount)"
    }

    @Test func `The code that made a history replays it to its end`() throws {
        let replay = replay(try history(steps: whole), Self.order)
        #expect(replay.difference == nil && replay.frontier == .returns && replay.steps == 3)
        #expect(replay.description == "replays: 3 recorded steps, and it returns")
    }

    @Test func `A live run's code stands at what is not recorded yet`() throws {
        let parked = [whole[0], ("wait", "wait", "{\"deadlines\":[null,90000000]}")]
        let waiting = try RunHistory(
            document: JSONB(
                text: try history(state: "waiting", output: "null", steps: parked).document.text
                    .replacing("{\"name\":\"paid\",\"value\":30,\"at\":1001}", with: "")
            )
        )
        let replay = replay(waiting, Self.order)
        #expect(replay.fits && replay.frontier == .asks(["wait"]))
    }

    @Test func `A step that the code no longer asks for is named`() throws {
        let replay = replay(try history(steps: whole)) { context, _ in
            let amount = try await context.first(on(paid) { $0 })
            try await context.step("book") { _ in }
            return "order 7 paid \(amount)"
        }
        #expect(replay.difference?.contains("\"create\"") == true, "\(replay)")
    }

    @Test func `A new step in the midst of a history is named`() throws {
        let replay = replay(try history(steps: whole)) { context, input in
            try await context.step("check") { _ in }
            return try await Self.order(context, input)
        }
        #expect(replay.difference?.contains("it asks for \"check\"") == true, "\(replay)")
    }

    @Test func `A result that does not decode is named`() throws {
        let replay = replay(try history(steps: whole)) { context, _ in
            "\(try await context.step("create") { _ in 7 })"
        }
        #expect(replay.difference?.contains("checkpoint create of run 5 is not a Int") == true, "\(replay)")
    }

    @Test func `Another output, an error and a step too many are differences of a run that is done`() throws {
        let done = try history(steps: whole)
        let other = replay(done) { context, input in try await Self.order(context, input) + "!" }
        #expect(other.difference?.contains("the code returns \"order 7 paid 30!\"") == true, "\(other)")
        let more = replay(done) { context, input in
            let order = try await Self.order(context, input)
            try await context.step("more") { _ in }
            return order
        }
        #expect(more.difference?.contains("asks for \"more\"") == true, "\(more)")
        let throwing = replay(done) { context, _ in
            _ = try await context.step("create") { _ in "" }
            throw JobVerdict.discard("no")
        }
        #expect(throwing.difference?.contains("and the history goes on with \"wait\"") == true, "\(throwing)")
    }

    @Test func `A workflow that is not registered is a difference that says what is`() throws {
        let replay = HistoryReplay(try history(steps: whole), with: WorkflowRegistry())
        #expect(replay.difference?.contains("no workflow scripted is registered") == true)
    }
}
