public import Jobs
internal import Postgres

extension WorkflowClient {
    /// Hands out the histories of all runs that match, newest first, each as it is read.
    ///
    /// ```swift
    /// try await client.export(filter) { history in print(history.document.text) }
    /// ```
    ///
    /// - Returns: how many there were.
    /// - Throws: what `body` throws; ``PostgresError``.
    @discardableResult
    public func export(_ filter: RunFilter, _ body: (RunHistory) async throws -> Void) async throws -> Int {
        var count = 0
        var before: JobID?
        repeat {
            let page = try await runs(filter, before: before, limit: 500)
            for run in page.runs {
                // It may have been dropped meanwhile.
                guard let history = try await history(of: run.id) else { continue }
                try await body(history)
                count += 1
            }
            before = page.next
        } while before != nil
        return count
    }
}
