package import Jobs
internal import Postgres
package import Telemetry
package import Workflows

/// Performs one go at a plain job, and decides what its error means.
package struct JobPerformer: Sendable {
    private let registry: WorkflowRegistry
    private let journal: JobJournal?
    private let tracer: Tracer?
    /// Whether any code takes whole batches; if none does, nobody need look.
    package let hasBatchCode: Bool

    package init(registry: WorkflowRegistry, journal: JobJournal?, tracer: Tracer? = nil) {
        self.tracer = tracer
        self.registry = registry
        self.journal = journal
        hasBatchCode = registry.jobs.values.contains { if case .together = $0.code { true } else { false } }
    }

    package func code(of job: ClaimedJob) -> RegisteredJob? { registry.jobs[job.name] }

    package func context(of job: ClaimedJob) -> JobContext {
        JobContext(
            id: job.id,
            attempt: Int(job.failures) + 1,
            journal: journal,
            trace: job.trace
        )
    }

    /// Runs a job's code to its end; code that takes batches is not for here.
    package func perform(_ job: ClaimedJob, _ code: RegisteredJob?) async -> JobEnd.Next {
        do {
            guard let code, case .alone(let body, _, _) = code.code else { return unknown(job) }
            return .done(output: try await traced(job) { try await body($0, job.input) })
        } catch {
            return end(of: job, code, after: error)
        }
    }

    /// Runs one go as a span of the job's trace.
    private func traced(
        _ job: ClaimedJob,
        _ body: (JobContext) async throws -> JSONB?
    ) async throws -> JSONB? {
        let attempt = Int(job.failures) + 1
        guard let around = job.trace ?? tracer.map({ _ in .root() }) else {
            return try await body(context(of: job))
        }
        let span = around.named("job/\(job.id)/\(attempt)")
        let context = JobContext(id: job.id, attempt: attempt, journal: journal, trace: span)
        return try await TraceContext.$current.withValue(span) {
            let start = Tracer.now
            var failure: (any Error)?
            defer {
                tracer?.record(
                    TraceSpan(
                        "job \(job.name)",
                        span,
                        parent: job.trace?.spanID,
                        kind: .consumer,
                        start: start,
                        end: Tracer.now,
                        attributes: [("usher.job", "\(job.id)"), ("usher.attempt", "\(attempt)")],
                        error: failure.map { String("\($0)".prefix(500)) }
                    )
                )
            }
            do {
                return try await body(context)
            } catch {
                failure = error
                throw error
            }
        }
    }

    /// Where a job goes after an error.
    package func end(of job: ClaimedJob, _ code: RegisteredJob?, after error: any Error) -> JobEnd.Next {
        let message = String("\(error)".prefix(4000))
        if error is UnreadableInput {
            return .failed(failures: job.failures, error: message, kind: .unreadable)
        }
        let verdict = JobVerdict(of: error) ?? code?.verdict(error)
        let retry = code?.retry ?? .default
        if let again = retry.next(verdict, failures: Int(job.failures)) {
            if case .snooze = verdict {
                return .retry(after: again.delay, failures: job.failures, error: nil)
            }
            return .retry(after: again.delay, failures: Int16(clamping: again.failures), error: message)
        }
        let failures = Int16(clamping: Int(job.failures) + 1)
        if case .discard(let reason) = verdict {
            return .failed(failures: failures, error: String(reason.prefix(4000)), kind: .discarded)
        }
        return .failed(failures: failures, error: message, kind: error is JobTimedOut ? .timedOut : .failed)
    }

    /// A name that this process has no code for.
    private func unknown(_ job: ClaimedJob) -> JobEnd.Next {
        let message = "no job \(job.name) is registered in the workers of its queue"
        guard registry.unknownNames.isTemporary(job.name) else {
            return .failed(failures: job.failures, error: message, kind: .unknown)
        }
        return .retry(after: UnknownNames.delay, failures: job.failures, error: message)
    }
}

/// A go at a job took longer than its type allows.
struct JobTimedOut: Error, CustomStringConvertible {
    let timeout: Duration
    var description: String { "the job took longer than its timeout of \(timeout)" }
}
