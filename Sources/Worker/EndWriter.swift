import Jobs
import Postgres
import Reactor
import Telemetry

/// Writes how plain jobs ended, and does not give up while their claims hold.
struct EndWriter: Sendable {
    typealias End = (job: ClaimedJob, end: JobEnd.Next)

    let postgres: PostgresClient
    let logger: Logger

    /// Closes batches that ended well, and settles the other ends, in one round trip.
    ///
    /// - Returns: false when the worker was stopped before it could be done.
    func write(closing batches: [Int64], settling ends: [End]) async -> Bool {
        var statements: [Query] = []
        if !batches.isEmpty { statements.append(JobStatements.close(batches: batches)) }
        if !ends.isEmpty {
            statements.append(JobStatements.settle(ends.map { JobEnd($0.job, $0.end) }))
        }
        guard !statements.isEmpty else { return true }
        var delay = Duration.milliseconds(20)
        while true {
            do {
                let answers = try await postgres.pipeline(statements)
                let lost = batches.count + ends.count - answers.reduce(0) { $0 + $1.count }
                if lost > 0 { logger.warning("ends came after the claim was taken away", ["ends": lost]) }
                return true
            } catch {
                if Self.isRefused(error), !ends.isEmpty { return await part(batches, ends, error) }
                // The claims hold as long as the heartbeat does; after an unknown commit the fence tells.
                logger.warning("ends could not be written yet", ["ends": ends.count, "error": "\(error)"])
                if Task.isCancelled { return false }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(2))
            }
        }
    }

    /// Finds the end that Postgres will not take, by halves, so that it costs its neighbours nothing but time.
    ///
    /// That job fails for good: going at it again would only make the same end again.
    private func part(_ batches: [Int64], _ ends: [End], _ error: any Error) async -> Bool {
        guard ends.count > 1 || !batches.isEmpty else {
            let (job, end) = ends[0]
            if case .failed = end {
                logger.error("an end can't be written at all", ["job": job.id, "error": "\(error)"])
                return true
            }
            let failures = job.failures == .max ? .max : job.failures + 1
            let reason = "its end can't be kept: \(error)"
            return await write(closing: [], settling: [(job, .failed(failures: failures, error: reason))])
        }
        let middle = ends.count / 2
        let first = await write(closing: batches, settling: Array(ends[..<middle]))
        let second = await write(closing: [], settling: Array(ends[middle...]))
        return first && second
    }

    /// Whether the server refuses what it was given, rather than being in no state to take anything.
    private static func isRefused(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.code == .server, let state = error.sqlState else {
            return false
        }
        // Data that does not fit, and limits of the server's own.
        return ["22", "54"].contains(String(state.rawValue.prefix(2)))
    }
}
