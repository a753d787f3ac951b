package import Jobs
package import Postgres
package import Telemetry
package import Workflows

/// One transaction of jobs of one claim: the fence, their code, their ends.
package struct BatchTransaction: Sendable {
    /// A job with its decoded input.
    package struct Member: Sendable {
        package let job: ClaimedJob
        let item: RegisteredJob.Item

        /// - Throws: what decoding the input threw.
        package init(_ job: ClaimedJob, _ code: RegisteredJob, _ performer: JobPerformer) throws {
            guard case .together(let decode, _) = code.code else {
                throw JobsError(code: .unknownJob, message: "\(job.name) is no code for batches")
            }
            self.job = job
            item = RegisteredJob.Item(
                context: performer.context(of: job),
                input: try decode(job.id, job.input)
            )
        }
    }

    /// One member threw, and nothing of the transaction is kept.
    package struct Threw: Error {
        package let job: JobID
        package let error: any Error
    }

    private let batch: Int64
    private let code: RegisteredJob
    private let performer: JobPerformer

    package init(batch: Int64, code: RegisteredJob, performer: JobPerformer) {
        self.batch = batch
        self.code = code
        self.performer = performer
    }

    /// Performs jobs of the claim: all in one transaction, or by halves where one of them is bad.
    ///
    /// Returns early when the task is cancelled; the claim is then handed back, or rescued.
    ///
    /// - Parameters:
    ///   - jobs: jobs of the claim whose code this is.
    ///   - postgres: where the transactions are.
    ///   - logger: hears of what comes again.
    ///   - wrote: is told of jobs whose transaction has committed, and of their ends; some may have lost their claim.
    ///   - failed: is told of jobs that failed alone, whose ends are not written.
    package func performAll(
        _ jobs: [ClaimedJob],
        on postgres: PostgresClient,
        logger: Logger,
        wrote: (_ jobs: [ClaimedJob], _ ends: [JobEnd]) -> Void,
        failed: (ClaimedJob, JobEnd.Next) -> Void
    ) async {
        var readable: [Member] = []
        for job in jobs {
            do {
                readable.append(try Member(job, code, performer))
            } catch {
                failed(job, performer.end(of: job, code, after: error))
            }
        }
        var pending = [readable]
        var delay = Duration.milliseconds(20)
        while let part = pending.popLast() {
            guard let first = part.first else { continue }
            do {
                let ends = try await perform(part, on: postgres)
                wrote(part.map(\.job), ends)
            } catch {
                if Task.isCancelled { return }
                let threw = error as? Threw
                if let error = (threw?.error ?? error) as? PostgresError, Self.isTransient(error) {
                    logger.warning("a batch comes again", ["name": first.job.name, "error": "\(error)"])
                    try? await Task.sleep(for: delay)
                    delay = min(delay * 2, .seconds(2))
                    pending.append(part)
                } else if let threw, let bad = part.first(where: { $0.job.id == threw.job }) {
                    failed(bad.job, performer.end(of: bad.job, code, after: threw.error))
                    pending.append(part.filter { $0.job.id != threw.job })
                } else if part.count > 1 {
                    pending.append(Array(part[(part.count / 2)...]))
                    pending.append(Array(part[..<(part.count / 2)]))
                } else {
                    failed(first.job, performer.end(of: first.job, code, after: error))
                }
            }
        }
    }

    /// Whether the transaction is to be tried again as it was.
    ///
    /// A commit whose answer was lost is, too: should it have happened, the claim no longer has the jobs.
    private static func isTransient(_ error: PostgresError) -> Bool {
        guard error.code == .server else { return true }
        return [.serializationFailure, .deadlockDetected, .lockNotAvailable].contains(error.sqlState)
    }

    /// Performs the members in a transaction of their own.
    ///
    /// - Returns: the ends of those that were still in the claim.
    /// - Throws: ``Threw``, or what the code or the server said of all of them.
    package func perform(_ members: [Member], on postgres: PostgresClient) async throws -> [JobEnd] {
        try await postgres.withTransaction { tx in
            // The fence comes first: while the claim's row is locked nobody takes a job out of it.
            let rows = try await tx.query(JobStatements.hold(batches: [batch]))
            let held: Set<Int64> = Set(try rows.first.map { try $0[1] as [Int64] } ?? [])
            let live = members.filter { held.contains($0.job.id.rawValue) }
            guard !live.isEmpty else { return [] }
            let ends = try await perform(live, in: &tx)
            let isWhole =
                ends.count == held.count
                && ends.allSatisfy {
                    if !$0.owesMore, case .done(output: nil) = $0.next { true } else { false }
                }
            try await tx.commit(
                after: [isWhole ? JobStatements.close(batches: [batch]) : JobStatements.settle(ends)]
            )
            return ends
        }
    }

    /// Performs the members in somebody's transaction, and says how they ended.
    package func perform(_ members: [Member], in tx: inout Transaction) async throws -> [JobEnd] {
        guard case .together(_, let body) = code.code else { return [] }
        let outcomes: [BatchOutcome]
        do {
            outcomes = try await body(members.map(\.item), &tx)
        } catch let error as ItemThrew {
            throw Threw(job: members[error.index].job.id, error: error.error)
        }
        return zip(members, outcomes).map { member, outcome in
            let next: JobEnd.Next =
                switch outcome {
                case .done: .done(output: nil)
                case .output(let output): .done(output: output)
                case .failed(let error): performer.end(of: member.job, code, after: error)
                }
            return JobEnd(member.job, next)
        }
    }
}
