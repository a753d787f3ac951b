public import Jobs
package import Postgres

/// The code that a process has for the jobs it may claim, by name.
public struct WorkflowRegistry: Sendable {
    package struct RegisteredWorkflow: Sendable {
        let run: @Sendable (WorkflowContext, JSONB) async throws -> JSONB
        let retry: RetryPolicy
    }

    package struct RegisteredJob: Sendable {
        package let perform: @Sendable (JobContext, JSONB) async throws -> Void
        package let retry: RetryPolicy
    }

    package private(set) var workflows: [String: RegisteredWorkflow] = [:]
    package private(set) var jobs: [String: RegisteredJob] = [:]

    /// The home queues of everything registered.
    public private(set) var queues: Set<String> = []

    /// Makes an empty registry.
    public init() {}

    /// Registers a workflow under its name, in place of any that had it.
    public mutating func register<Code: Workflow>(_ workflow: Code) {
        queues.insert(Code.queue)
        workflows[Code.name] = RegisteredWorkflow(
            run: { context, input in
                let input = try JSONCoding.decode(
                    Code.Input.self,
                    from: input,
                    what: "input of \(Code.name) \(context.runID)"
                )
                return try JSONCoding.encode(try await workflow.run(context, input))
            },
            retry: Code.retry
        )
    }

    /// Registers a job under its name, in place of any that had it.
    public mutating func register<Code: Job>(_ job: Code) {
        queues.insert(Code.queue)
        jobs[Code.name] = RegisteredJob(
            perform: { context, input in
                let input = try JSONCoding.decode(
                    Code.Input.self,
                    from: input,
                    what: "input of \(Code.name) \(context.id)"
                )
                try await job.perform(context, input)
            },
            retry: Code.retry
        )
    }
}
