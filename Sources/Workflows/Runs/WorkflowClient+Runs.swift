public import Jobs
internal import Postgres

// Looking at runs.
extension WorkflowClient {
    /// A page of the runs that match, newest first.
    ///
    /// Each statement reads a bounded number of rows. Runs are found by key, parent, attribute, or as paused or
    /// running ones, by an index; otherwise jobs are walked back from the newest, so a filter that matches little takes
    /// a while on a large table.
    ///
    /// - Parameters:
    ///   - filter: which are meant.
    ///   - before: only smaller numbers; see ``RunPage/next``.
    ///   - limit: the most that is returned.
    /// - Returns: the runs, and where the next page begins.
    /// - Throws: ``PostgresError``.
    public func runs(
        _ filter: RunFilter = .all,
        before: JobID? = nil,
        limit: Int = 50
    ) async throws -> RunPage {
        try await runs(filter, before: before, limit: limit, windows: .max)
    }

    /// A page of the runs that match, newest first, found by so many statements at the most.
    ///
    /// - Returns: the runs, and where to look on: behind the last of them, or where the last statement ended.
    /// - Throws: ``PostgresError``.
    package func runs(
        _ filter: RunFilter,
        before: JobID?,
        limit: Int,
        windows: Int
    ) async throws -> RunPage {
        var page = RunPage()
        var before = before ?? JobID(rawValue: .max)
        var windows = windows
        let window = RunView.window(for: filter)
        while page.runs.count < limit {
            if windows == 0 {
                page.next = before
                return page
            }
            windows -= 1
            try Task.checkCancellation()
            let left = limit - page.runs.count
            let rows = try await store.postgres.query(
                RunView.page(filter, before: before, window: window, limit: left)
            )
            guard let row = rows.first, let least: Int64 = try row[0] else { return page }
            let number: Int64 = try row[1]
            if try row[2] as Int64? != nil { page.runs += try rows.map { try RunSummary(row: $0, from: 2) } }
            if number < window, page.runs.count < limit { return page }
            before = JobID(rawValue: least)
        }
        page.next = page.runs.last?.id
        return page
    }

    /// Everything that is known of a run.
    ///
    /// - Returns: nil if there is no such run.
    /// - Throws: ``PostgresError``.
    public func history(of run: JobID) async throws -> RunHistory? {
        try await Self.history(of: run, in: store.postgres)
    }

    /// Everything that is known of a run, as a transaction sees it.
    ///
    /// - Returns: nil if there is no such run.
    static func history(
        of run: JobID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> RunHistory? {
        let answers = try await database.pipeline([
            RunView.run(run), RunView.steps(of: run), RunView.events(of: run), RunView.values(of: run),
            RunView.attributes(of: run), RunView.children(of: run),
        ])
        guard let row = answers[0].first else { return nil }
        func fact(_ row: Row) throws -> RunHistory.Fact {
            RunHistory.Fact(name: try row[0], value: try row[1], recordedAt: try row[2])
        }
        return RunHistory(
            run: try RunSummary(row: row),
            input: try row[16],
            output: try row[17],
            steps: try answers[1].map { row in
                let key: String = try row[0]
                return RunHistory.Step(
                    key: key,
                    kind: try .init(number: try row[1], of: key),
                    value: try row[2],
                    epoch: try row[3],
                    recordedAt: try row[4]
                )
            },
            events: try answers[2].map(fact),
            values: try answers[3].map(fact),
            attributes: try answers[4].map { RunAttribute(try $0[0], try $0[1]) },
            children: try answers[5].map { try RunSummary(row: $0) }
        )
    }

    /// A value that a run has published, read without waking it.
    ///
    /// - Returns: nil if it has published none of that name.
    /// - Throws: ``JobsError`` (`undecodable`), ``PostgresError``.
    public func value<Value: Decodable>(
        of run: JobID,
        named name: String,
        as type: Value.Type = Value.self
    ) async throws -> Value? {
        guard let row = try await store.postgres.query(RunView.value(name, of: run)).first else { return nil }
        let json = try payloads.open(try row[0], .value(name, of: run))
        return try JSONCoding.decode(Value.self, from: json, what: "value \(name) of run \(run)")
    }
}
