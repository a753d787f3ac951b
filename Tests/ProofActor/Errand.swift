import Jobs
import Postgres
import Workflows

/// A run that commits in every way that a run can: steps, effects, parks, an event, a timer, a child.
///
/// Each step leaves a row in `steps`, in its transaction; each effect one in `effects`, in another.
struct Errand: Workflow {
    static let name = "errand"
    static let poke = EventKey<String>("poke")
    // What is broken on purpose stays broken for a while.
    static let retry = RetryPolicy.fixed(.milliseconds(100), max: 200)

    /// The world outside.
    let outside: PostgresClient

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        let run = context.runID
        try await context.step("first") { tx in try await Self.note("first", run, in: &tx) }
        for name in ["call", "tell"] {
            try await context.effect(name, retry: Self.retry) { [outside] key in
                try await outside.execute(
                    Query("errand_effect", "INSERT INTO effects VALUES (\(run.rawValue), \(name), \(key))")
                )
            }
        }
        try await context.first(on(Self.poke) { _ in })
        try await context.step("heard") { tx in try await Self.note("heard", run, in: &tx) }
        try await context.sleep(for: .milliseconds(100))
        try await context.step("woken") { tx in try await Self.note("woken", run, in: &tx) }
        let answer = try await context.child(SubErrand.self, input)
        try await context.step("last") { tx in try await Self.note("last", run, in: &tx) }
        return answer
    }

    static func note(_ name: String, _ run: JobID, in transaction: inout Transaction) async throws {
        try await transaction.execute(
            Query("errand_note", "INSERT INTO steps VALUES (\(run.rawValue), \(name))")
        )
    }
}

/// What an errand waits for in the end.
struct SubErrand: Workflow {
    static let name = "suberrand"
    static let retry = Errand.retry

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        let run = context.runID
        try await context.step("only") { tx in try await Errand.note("only", run, in: &tx) }
        return "errand \(input) is done"
    }
}
