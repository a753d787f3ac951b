public import Jobs

extension Recurrence {
    /// Describes a workflow that is started again and again: a run for each time that comes.
    ///
    /// ```swift
    /// let monthEnd = try Recurrence(
    ///     name: "month end", workflow: CloseBooks.self, input: CloseBooks.Ledger(name: "main"),
    ///     rhythm: .cron(try CronExpression("0 3 1 * *", timeZone: "Europe/Berlin"))
    /// )
    /// try await monthEnd.save(on: postgres)
    /// ```
    /// Its runs are in the workflow's queue, pinned to its version and bounded by its timeout as they are now: save it
    /// again when one of those changes. The queue has to be there when a time comes; a worker makes it.
    ///
    /// - Parameters:
    ///   - name: unique in the schema.
    ///   - workflow: what is started.
    ///   - input: what each run is given.
    ///   - rhythm: when it comes.
    /// - Throws: an encoding error.
    public init<Code: Workflow>(
        name: String,
        workflow: Code.Type,
        input: Code.Input,
        rhythm: Rhythm
    ) throws {
        let run = try NewJob.run(workflow, input)
        self.init(name: name, jobName: run.name, queue: run.queue, input: run.input, rhythm: rhythm)
        isRun = true
        codeVersion = run.codeVersion
        timeout = run.timeout
    }
}
