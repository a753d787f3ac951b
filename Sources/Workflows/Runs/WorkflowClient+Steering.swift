public import Jobs
internal import Postgres

/// What came of an order to many runs.
public struct BulkOutcome: Sendable, Hashable {
    /// How many runs matched the filter.
    public var matched = 0
    /// How many of them were changed; the others were where they were to be already, or did not allow it.
    public var changed = 0

    /// Makes an outcome.
    public init(matched: Int = 0, changed: Int = 0) {
        self.matched = matched
        self.changed = changed
    }
}

// Pausing, resuming, retrying and cancelling runs.
extension WorkflowClient {
    /// Has a run stand still: at once if nobody drives it, at its next commit otherwise.
    ///
    /// A paused run is rows and nothing else. Events that come are kept, and timers that are due wait. One that was to
    /// start later, or to be tried again later, stands still once its time has come.
    ///
    /// - Returns: whether there was a live run of that number that was not paused.
    /// - Throws: ``PostgresError``.
    public func pause(_ run: JobID) async throws -> Bool {
        try await !store.pause([run]).isEmpty
    }

    /// Lets a paused run go on: with what has come meanwhile, or waiting as before.
    ///
    /// - Returns: whether there was such a run.
    /// - Throws: ``PostgresError``.
    public func resume(_ run: JobID) async throws -> Bool {
        try await !store.resume([run]).isEmpty
    }

    /// Lets a failed run go on from its last checkpoint, or one that waits for its next attempt have it now.
    ///
    /// The failures are forgotten. A run that failed while it undid what it did goes on undoing.
    ///
    /// - Returns: whether there was such a run.
    /// - Throws: ``JobsError`` (`keyTaken`) when another run has its key by now; ``PostgresError``.
    public func retry(_ run: JobID) async throws -> Bool {
        if try await store.redrive(run) { return true }
        return try await store.runNow(run)
    }

    // MARK: Many at once

    /// Pauses all runs that match; see ``pause(_:)``.
    ///
    /// Like its siblings it works in transactions of bounded size, from the newest to the oldest; what fails in between
    /// leaves the runs before it done.
    ///
    /// - Parameters:
    ///   - filter: which are meant.
    ///   - isTrial: only count them.
    /// - Returns: how many there were, and how many were changed.
    /// - Throws: ``PostgresError``.
    public func pause(all filter: RunFilter, isTrial: Bool = false) async throws -> BulkOutcome {
        try await each(filter, isTrial) { runs in try await store.pause(runs).count }
    }

    /// Resumes all paused runs that match; see ``resume(_:)``.
    ///
    /// - Parameters:
    ///   - filter: which are meant; where it names no state, the paused ones.
    ///   - isTrial: only count them.
    /// - Returns: how many there were, and how many were changed.
    /// - Throws: ``PostgresError``.
    public func resume(all filter: RunFilter, isTrial: Bool = false) async throws -> BulkOutcome {
        var filter = filter
        filter.state = filter.state ?? .paused
        return try await each(filter, isTrial) { runs in try await store.resume(runs).count }
    }

    /// Lets all failed runs that match go on; see ``retry(_:)``.
    ///
    /// Those whose keys other runs have by now stay failed.
    ///
    /// - Parameters:
    ///   - filter: which are meant; where it names no state, the failed ones.
    ///   - isTrial: only count them.
    /// - Returns: how many there were, and how many were changed.
    /// - Throws: ``PostgresError``.
    public func retry(all filter: RunFilter, isTrial: Bool = false) async throws -> BulkOutcome {
        var filter = filter
        filter.state = filter.state ?? .failed
        return try await each(filter, isTrial) { runs in
            var changed = 0
            for run in runs {
                do {
                    changed += try await retry(run) ? 1 : 0
                } catch let error as JobsError where error.code == .keyTaken {
                    continue
                }
            }
            return changed
        }
    }

    /// Cancels all runs that match; see ``cancel(_:deadline:)``.
    ///
    /// - Parameters:
    ///   - filter: which are meant.
    ///   - deadline: how long running ones may take to end by themselves.
    ///   - reason: kept with what has to be asked.
    ///   - isTrial: only count them.
    /// - Returns: how many there were, and how many were changed.
    /// - Throws: ``PostgresError``.
    public func cancel(
        all filter: RunFilter,
        deadline: Duration = .seconds(30),
        reason: String = "cancelled by request",
        isTrial: Bool = false
    ) async throws -> BulkOutcome {
        try await each(filter, isTrial) { runs in
            let result = try await store.cancel(runs, deadline: deadline, reason: reason)
            return result.cancelled.count + result.asked.count
        }
    }

    /// Does something to all runs that match, a few hundred at a time.
    private func each(
        _ filter: RunFilter,
        _ isTrial: Bool,
        _ body: ([JobID]) async throws -> Int
    ) async throws -> BulkOutcome {
        var outcome = BulkOutcome()
        var before: JobID?
        repeat {
            let page = try await runs(filter, before: before, limit: 500)
            outcome.matched += page.runs.count
            if !isTrial, !page.runs.isEmpty { outcome.changed += try await body(page.runs.map(\.id)) }
            before = page.next
        } while before != nil
        return outcome
    }
}
