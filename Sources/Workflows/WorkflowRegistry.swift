public import Jobs
package import Postgres

/// The code that a process has for the jobs it may claim, by name.
public struct WorkflowRegistry: Sendable {
    package struct RegisteredWorkflow: Sendable {
        let run: @Sendable (WorkflowContext, RunInput) async throws -> JSONB
        let retry: RetryPolicy
        let version: Int?
        let timeout: Duration?
        let cleansUp: Bool
    }

    /// The newest code of each name.
    package private(set) var workflows: [String: RegisteredWorkflow] = [:]
    /// The code of each name and version.
    private var versions: [String: [Int: RegisteredWorkflow]] = [:]
    package private(set) var jobs: [String: RegisteredJob] = [:]
    package let unknownNames: UnknownNames

    /// The home queues of everything registered.
    public private(set) var queues: Set<String> = []

    /// What payloads go through on their way into the tables and back.
    package let codec: (any PayloadCodec)?
    /// What bounds payloads and histories.
    package let limits: WorkflowLimits

    /// Makes an empty registry.
    ///
    /// - Parameters:
    ///   - unknownGrace: how long jobs whose name is not registered are put back uncounted, because a worker of
    ///     another version may know it; after that they are parked as dead letters.
    ///   - codec: the one of the stores and clients that enqueue what is registered here, and send it events.
    ///   - limits: how large payloads may be, and how long histories.
    public init(
        unknownGrace: Duration = .seconds(600),
        codec: (any PayloadCodec)? = nil,
        limits: WorkflowLimits = WorkflowLimits()
    ) {
        unknownNames = UnknownNames(grace: unknownGrace)
        self.codec = codec
        self.limits = limits
    }

    /// The codec and the limit of what goes through it.
    package var payloads: Payloads { Payloads(codec: codec, limit: limits.payloadBytes) }

    /// Registers a workflow under its name and version, in place of any that had both.
    ///
    /// Runs that are pinned to a version get that; others the one that has none, else the greatest.
    public mutating func register<Code: Workflow>(_ workflow: Code) {
        queues.insert(Code.queue)
        let code = RegisteredWorkflow(
            run: { [payloads] context, input in
                let input = try input.read(
                    as: Code.Input.self,
                    through: payloads,
                    of: Code.name,
                    context.runID
                )
                let output = try JSONCoding.encode(try await workflow.run(context, input))
                return try payloads.seal(output, .output(of: Code.name, context.runID))
            },
            retry: Code.retry,
            version: Code.version,
            timeout: Code.timeout,
            cleansUp: Code.cleansUp
        )
        if let version = Code.version { versions[Code.name, default: [:]][version] = code }
        if let newest = workflows[Code.name], let new = Code.version, newest.version.map({ new < $0 }) ?? true
        {
            return
        }
        workflows[Code.name] = code
    }

    /// The code for a run of this name, pinned to this version if it is to one.
    package func code(of name: String, version: Int?) -> RegisteredWorkflow? {
        guard let version else { return workflows[name] }
        return versions[name]?[version]
    }

    /// What there is in place of code that is missing, for a message.
    func missing(_ name: String, version: Int?) -> String {
        guard let version, workflows[name] != nil else {
            let names = workflows.keys.sorted().joined(separator: ", ")
            return "no workflow \(name) is registered in this worker; it has: \(names)"
        }
        let known = (versions[name] ?? [:]).keys.sorted().map(String.init).joined(separator: ", ")
        let versions = known.isEmpty ? "none that runs can be pinned to" : known
        return "no version \(version) of workflow \(name) is registered in this worker; it has: \(versions)"
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
        add(job, timeout: Code.timeout, grace: Code.grace) { [payloads] context, stored in
            let input = try VersionedInput.decode(
                Code.self,
                from: stored,
                of: context.id,
                codec: payloads.codec
            )
            let output = try JSONCoding.encode(try await job.perform(context, input))
            return try payloads.seal(output, .output(of: Code.name, context.id))
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
        let payloads = payloads
        add(job) { items, tx in
            try await Self.inTurn(items, as: Code.Input.self, in: &tx) { context, input, tx in
                let output = try JSONCoding.encode(try await job.perform(context, input, in: &tx))
                return .output(try payloads.seal(output, .output(of: Code.name, context.id)))
            }
        }
    }

    /// Registers the code of a batch under its name, in place of any that had it.
    public mutating func register<Code: BatchJob>(_ job: Code) {
        let payloads = payloads
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
            return try zip(items, outcomes).map { item, outcome in
                guard case .output(let output) = outcome else { return outcome }
                return .output(try payloads.seal(output, .output(of: Code.name, item.context.id)))
            }
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
