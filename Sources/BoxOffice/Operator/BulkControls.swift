internal import Jobs
internal import Postgres
package import Workflows

/// Counts what an order to many would change, and carries it out.
package struct BulkControls: Sendable {
    /// How many are changed in one transaction.
    private static let batch = 500

    private let workflows: WorkflowClient

    package init(workflows: WorkflowClient) { self.workflows = workflows }

    /// Counts whom an order concerns, up to its limit.
    ///
    /// - Throws: `PostgresError`.
    package func count(_ order: BulkOrder) async throws -> BulkOrder.Count {
        var count = BulkOrder.Count()
        var before: JobID?
        repeat {
            let (ids, next) = try await page(order.scope, before: before, limit: Self.batch)
            if count.matched == 0, let first = ids.first { count.newest = first }
            count.matched += ids.count
            before = next
            if count.matched >= BulkOrder.limit {
                guard before != nil else { return count }
                count.isMore = try await !page(order.scope, before: before, limit: 1).ids.isEmpty
                return count
            }
        } while before != nil
        return count
    }

    /// Carries an order out, from the newest that was counted to the oldest, in transactions of bounded size; what each
    /// did is recorded in its commit.
    ///
    /// - Returns: how many there were, and how many were changed; the others did not allow it.
    /// - Throws: `PostgresError`; what was done until then stays so.
    package func carryOut(
        _ order: BulkOrder,
        _ count: BulkOrder.Count,
        by holder: APIKeys.Holder
    ) async throws -> BulkOutcome {
        let store = workflows.store
        var outcome = BulkOutcome()
        var before: JobID? = JobID(rawValue: count.newest.rawValue + 1)
        while before != nil, outcome.matched < count.matched {
            let limit = min(Self.batch, count.matched - outcome.matched)
            let (ids, next) = try await page(order.scope, before: before, limit: limit)
            before = next
            guard let first = ids.first, let last = ids.last else { continue }
            let (changed, queues) = try await store.postgres.withTransaction { tx in
                let (changed, queues) = try await Self.act(order.scope, on: ids, by: holder, in: &tx)
                if changed > 0 {
                    var detail = order.detail
                    detail["changed"] = .integer(changed)
                    detail["newest"] = .integer(Int(first.rawValue))
                    detail["oldest"] = .integer(Int(last.rawValue))
                    try await AuditTrail.append("bulk", byOperator: holder, detail: detail, in: &tx)
                }
                return (changed, queues)
            }
            store.wake(queues)
            outcome.matched += ids.count
            outcome.changed += changed
        }
        return outcome
    }

    private func page(
        _ scope: BulkOrder.Scope,
        before: JobID?,
        limit: Int
    ) async throws -> (ids: [JobID], next: JobID?) {
        switch scope {
        case .runs(_, let filter):
            let page = try await workflows.runs(filter, before: before, limit: limit)
            return (page.runs.map(\.id), page.next)
        case .deadLetters(let filter):
            let ids = try await workflows.store.deadLetters(filter, olderThan: before, limit: limit).map(\.id)
            return (ids, ids.count == limit ? ids.last : nil)
        }
    }

    private static func act(
        _ scope: BulkOrder.Scope,
        on ids: [JobID],
        by holder: APIKeys.Holder,
        in tx: inout Transaction
    ) async throws -> (changed: Int, queues: Set<String>) {
        switch scope {
        case .deadLetters, .runs(.retry, _):
            let (count, queues) = try await JobStore.redrive(ids, in: tx)
            return (count, Set(queues))
        case .runs(.pause, _): return (try await JobStore.pause(ids, in: tx).count, [])
        case .runs(.resume, _):
            let (resumed, queues) = try await JobStore.resume(ids, in: tx)
            return (resumed.count, queues)
        case .runs(.cancel, _):
            let (result, queues) = try await JobStore.cancel(
                ids,
                deadline: RunControls.deadline,
                reason: "cancelled by \(holder.actor)",
                in: &tx
            )
            return (result.cancelled.count + result.asked.count, queues)
        }
    }
}
