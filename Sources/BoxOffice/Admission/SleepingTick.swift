internal import Jobs
internal import Postgres
internal import Workflows

/// The tick of an on-sale that is sold out and has nothing to do: it sleeps until somebody wakes it.
///
/// Whoever gives it something to do calls ``wake(_:in:)`` after the commit, and again when it is not known whether that
/// was done. What wakes nobody is noticed when the nap is over.
enum SleepingTick {
    /// As long as a tick sleeps if nothing wakes it.
    static let longestNap = Duration.seconds(300)

    /// Where a tick sleeps.
    struct Nap: Codable, Sendable, Equatable {
        /// Counted over the on-sale's life; the event that ends the nap has this number.
        let number: Int
        /// The end of the on-sale, or of the longest nap.
        let until: PostgresTimestamp
    }

    /// Lets a tick go to sleep, in its own transaction.
    static func lieDown(_ gate: OnSaleGate, in tx: borrowing Transaction) async throws -> Nap {
        let row = try await tx.first(
            Query(
                "tick.nap",
                """
                UPDATE on_sales SET naps = naps + 1, ticked_at = \(gate.now), seq = seq + 1, admission_note = 'sold_out'
                WHERE on_sale_id = \(gate.id.rawValue) RETURNING naps
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return Nap(number: try row[0], until: min(gate.closesAt, gate.now + longestNap))
    }

    /// Wakes the tick of an on-sale if it sleeps, or is about to.
    ///
    /// Under its lock the run can't lie down: either it has, and the event has the number of that nap, or its next tick
    /// sees what was committed before this. Uses the primary keys of `job_keys` and `on_sales`.
    ///
    /// - Throws: `PostgresError`.
    static func wake(_ id: OnSaleID, in postgres: PostgresClient) async throws {
        let workflows = WorkflowClient(postgres: postgres)
        let isAwake = try await postgres.withTransaction { tx in
            let found = try await tx.first(
                Query("tick.run", "SELECT job_id FROM job_keys WHERE key = \(AdmissionTick.key(id))")
            )
            guard let found else { return false }
            let run = JobID(rawValue: try found[0])
            _ = try await tx.query(JobStatements.lock([run]))
            let nap = try await tx.first(
                Query("tick.naps", "SELECT naps FROM on_sales WHERE on_sale_id = \(id.rawValue) AND naps > 0")
            )
            guard let nap else { return false }
            let woken = AdmissionTick.woken.numbered(try nap[0])
            return try await workflows.send(woken, true, to: run, in: &tx) == .delivered
        }
        if isAwake { workflows.store.wake([AdmissionTick.queue]) }
    }
}
