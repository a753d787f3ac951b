public import Jobs
package import Postgres

/// The code that a process has for the jobs it may claim, by name.
public struct WorkflowRegistry: Sendable {
    package struct RegisteredWorkflow: Sendable {
        let run: @Sendable (WorkflowContext, JSONB) async throws -> JSONB
        let retry: RetryPolicy
    }

    package private(set) var workflows: [String: RegisteredWorkflow] = [:]
    package private(set) var jobs: [String: RegisteredJob] = [:]
    package let unknownNames: UnknownNames

    /// The home queues of everything registered.
    public private(set) var queues: Set<String> = []

    /// What inputs went through on their way into the tables.
    package let codec: (any InputCodec)?

    /// Makes an empty registry.
    ///
    /// - Parameters:
    ///   - unknownGrace: how long jobs whose name is not registered are put back uncounted, because a worker of
    ///     another version may know it; after that they are parked as dead letters.
    ///   - codec: the one of the stores that enqueue what is registered here.
    public init(unknownGrace: Duration = .seconds(600), codec: (any InputCodec)? = nil) {
        unknownNames = UnknownNames(grace: unknownGrace)
        self.codec = codec
    }

    /// Registers a workflow under its name, in place of any that had it.
    public mutating func register<Code: Workflow>(_ workflow: Code) {
        queues.insert(Code.queue)
        workflows[Code.name] = RegisteredWorkflow(
            run: { [codec] context, input in
                let input = try JSONCoding.decode(
                    Code.Input.self,
                    from: codec?.decode(input, of: Code.name) ?? input,
                    what: "input of \(Code.name) \(context.runID)"
                )
                return try JSONCoding.encode(try await workflow.run(context, input))
            },
            retry: Code.retry
        )
    }

    /// Registers a job under its name, in place of any that had it.
    public mutating func register<Code: Job>(_ job: Code) where Code.Output == Void {
        add(job, timeout: Code.timeout, grace: Code.grace) { [codec] context, stored in
            let input = try VersionedInput.decode(Code.self, from: stored, of: context.id, codec: codec)
            try await job.perform(context, input)
            return nil
        }
    }

    /// Registers a job under its name, in place of any that had it; what it returns is kept as its output.
    public mutating func register<Code: Job>(_ job: Code) where Code.Output: Encodable {
        add(job, timeout: Code.timeout, grace: Code.grace) { [codec] context, stored in
            let input = try VersionedInput.decode(Code.self, from: stored, of: context.id, codec: codec)
            return try JSONCoding.encode(try await job.perform(context, input))
        }
    }

    /// Registers a transactional job under its name, in place of any that had it.
    public mutating func register<Code: TransactionalJob>(_ job: Code) where Code.Output == Void {
        add(job) { items, tx in
            try await Self.inTurn(items, as: Code.Input.self, in: &tx) { context, input, tx in
                try await job.perform(context, input, in: &tx)
                return .done
            }
        }
    }

    /// Registers a transactional job under its name, in place of any that had it; what it returns is kept as its output.
    public mutating func register<Code: TransactionalJob>(_ job: Code) where Code.Output: Encodable {
        add(job) { items, tx in
            try await Self.inTurn(items, as: Code.Input.self, in: &tx) { context, input, tx in
                .output(try JSONCoding.encode(try await job.perform(context, input, in: &tx)))
            }
        }
    }

    /// Registers the code of a batch under its name, in place of any that had it.
    public mutating func register<Code: BatchJob>(_ job: Code) {
        add(job) { items, tx in
            let batch = try items.map {
                BatchItem(context: $0.context, input: try $0.input(as: Code.Input.self))
            }
            let outcomes = try await job.perform(batch, in: &tx)
            guard outcomes.count == batch.count else {
                throw WorkflowError(
                    code: .misuse,
                    message: "\(Code.name) returned \(outcomes.count) outcomes for a batch of \(batch.count)"
                )
            }
            return outcomes
        }
    }

    // MARK: How they are kept

    private mutating func add<Code: Job>(
        _ job: Code,
        timeout: Duration?,
        grace: Duration,
        _ perform: @escaping @Sendable (JobContext, JSONB) async throws -> JSONB?
    ) {
        queues.insert(Code.queue)
        jobs[Code.name] = RegisteredJob(
            code: .alone(perform, timeout: timeout, grace: grace),
            retry: Code.retry,
            verdict: { job.verdict(on: $0) }
        )
    }

    private mutating func add<Code: JobDefinition>(
        _ job: Code,
        _ perform: @escaping RegisteredJob.Together
    ) {
        queues.insert(Code.queue)
        jobs[Code.name] = RegisteredJob(
            code: .together(
                decode: { [codec] in try VersionedInput.decode(Code.self, from: $1, of: $0, codec: codec) },
                perform: perform
            ),
            retry: Code.retry,
            verdict: { job.verdict(on: $0) }
        )
    }

    private static func inTurn<Input: Sendable>(
        _ items: [RegisteredJob.Item],
        as type: Input.Type,
        in transaction: inout Transaction,
        _ body: (JobContext, Input, inout Transaction) async throws -> BatchOutcome
    ) async throws -> [BatchOutcome] {
        var outcomes: [BatchOutcome] = []
        for (index, item) in items.enumerated() {
            do {
                outcomes.append(try await body(item.context, try item.input(as: type), &transaction))
            } catch {
                throw ItemThrew(index: index, error: error)
            }
        }
        return outcomes
    }
}

/// A job's code as the worker sees it, with its types forgotten.
package struct RegisteredJob: Sendable {
    /// A job of a batch with its decoded input.
    package struct Item: Sendable {
        package let context: JobContext
        private let input: any Sendable

        package init(context: JobContext, input: any Sendable) {
            self.context = context
            self.input = input
        }

        func input<Input>(as type: Input.Type) throws -> Input {
            guard let input = input as? Input else {
                throw UnreadableInput(reason: "the input of \(context.id) was decoded as another type")
            }
            return input
        }
    }

    package typealias Together = @Sendable ([Item], inout Transaction) async throws -> [BatchOutcome]

    package enum Code: Sendable {
        case alone(
            @Sendable (JobContext, JSONB) async throws -> JSONB?,
            timeout: Duration?,
            grace: Duration
        )
        case together(decode: @Sendable (JobID, JSONB) throws -> any Sendable, perform: Together)
    }

    package let code: Code
    package let retry: RetryPolicy
    package let verdict: @Sendable (any Error) -> JobVerdict?
}

/// One job of a batch threw, and it is known which: the others come again without it.
package struct ItemThrew: Error {
    package let index: Int
    package let error: any Error
}
