import Postgres
import Workflows

/// Welcomes a new member, waits for them to confirm, and lets them in or forgets them.
struct Signup: Workflow {
    static let name = "signup"
    static let confirmed = EventKey<String>("confirmed")
    let mail: @Sendable (_ to: String, _ text: String, _ idempotencyKey: String) async throws -> Void

    func run(_ context: WorkflowContext, _ email: String) async throws -> String {
        // A step commits with its checkpoint: exactly once, whatever dies.
        try await context.step("create") { tx in
            try await tx.execute(Query("member_create", "INSERT INTO members (email) VALUES (\(email))"))
        }
        // An effect reaches outside: tried again, always with the same key.
        try await context.effect("welcome") { key in try await mail(email, "Welcome! Please confirm.", key) }
        // A waiting run is rows: no task, no thread, no connection.
        let code = try await context.first(
            on(Self.confirmed) { Optional($0) },
            after(.seconds(86_400)) { nil }
        )
        guard let code else {
            try await context.step("forget") { tx in
                try await tx.execute(Query("member_forget", "DELETE FROM members WHERE email = \(email)"))
            }
            return "forgotten"
        }
        try await context.step("confirm") { tx in
            try await tx.execute(
                Query(
                    "member_confirm",
                    """
                    UPDATE members SET code = \(code), confirmations = confirmations + 1
                    WHERE email = \(email)
                    """
                )
            )
        }
        return "confirmed"
    }
}
