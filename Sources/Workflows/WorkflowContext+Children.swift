internal import Jobs
internal import Postgres

// Runs that belong to this one: they are told of when they end, and end when this one does.
extension WorkflowContext {
    /// Starts a run that goes on beside this one, with this run's next commit.
    ///
    /// Its end is waited for with ``result(of:)``, or with ``ended(_:_:)`` beside other things. If this run ends
    /// first, however that is, the child is cancelled; a run that is to live on is started with
    /// ``start(_:_:key:)``.
    ///
    /// - Returns: what to wait for it by.
    /// - Throws: ``JobsError`` (`unknownQueue`); ``WorkflowSuspended``.
    public func spawn<Child: Workflow>(
        _ workflow: Child.Type,
        _ input: Child.Input
    ) async throws -> ChildRun<Child.Output> {
        try await begin(workflow, input, key: key(for: "spawn:\(Child.name)"))
    }

    /// Parks until a child has ended.
    ///
    /// - Returns: what the child returned, each time it is asked for.
    /// - Throws: ``ChildFailure`` when it ended without a result; ``WorkflowSuspended``.
    @discardableResult
    public func result<Output>(of child: ChildRun<Output>) async throws -> Output {
        try await first(ended(child) { $0 }).get()
    }

    /// Starts a run and parks until it ends.
    ///
    /// - Returns: what the child returned.
    /// - Throws: ``ChildFailure`` when it ended without a result; ``JobsError`` (`unknownQueue`);
    ///   ``WorkflowSuspended``.
    @discardableResult
    public func child<Child: Workflow>(
        _ workflow: Child.Type,
        _ input: Child.Input
    ) async throws -> Child.Output {
        try await result(of: begin(workflow, input, key: key(for: "child:\(Child.name)")))
    }

    /// Starts a run for each input, all in one commit, and parks until the last of them has ended.
    ///
    /// This run is woken once, however many they are. Thousands are fine; all results together have to fit into one
    /// checkpoint, so of large ones return where they are kept.
    ///
    /// ```swift
    /// let sizes = try await context.children(Thumbnail.self, pages).compactMap { try? $0.get() }
    /// ```
    ///
    /// - Returns: how each child ended, in the order of the inputs.
    /// - Throws: ``JobsError`` (`unknownQueue`); ``WorkflowSuspended``. Children that fail don't make it throw.
    public func children<Child: Workflow>(
        _ workflow: Child.Type,
        _ inputs: [Child.Input]
    ) async throws -> [Result<Child.Output, ChildFailure>] {
        let key = key(for: ChildEnd.fanOut + Child.name)
        let event = activation.eventName(of: key)
        let known: FanOut<Child.Output>? = try recorded(key)
        if let known {
            guard known.started == inputs.count else {
                activation.diverge(
                    "\"\(key)\" was recorded with \(known.started) children, and the code asks for \(inputs.count)"
                )
                throw WorkflowSuspended()
            }
        } else {
            guard !inputs.isEmpty else { return [] }
            let jobs = try inputs.enumerated().map { ordinal, input in
                var job = try admitted(NewJob.run(workflow, input))
                job.parent = (runID, ChildEnd.event(of: event, ordinal: ordinal))
                return job
            }
            let _: Int = try value(try await activation.ask(key, .fanOut(event, jobs)), of: key)
        }
        try await first(Wait(condition: .event(event)) { _ in })
        if let results = known?.results { return results.map { $0.result() } }
        do {
            let gathered = try activation.gather(event, inputs.count, key: key)
            let record = try JSONCoding.decode(
                FanOut<Child.Output>.self,
                from: gathered,
                what: "\(key) of run \(runID)"
            )
            return record.results?.map { $0.result() } ?? []
        } catch let error as JobsError where error.code == .undecodable {
            activation.diverge(error.message)
            throw WorkflowSuspended()
        }
    }

    /// Has a child cancelled, soon after this run's next commit.
    ///
    /// It does not wait: the child's end arrives as always, as a ``ChildFailure`` unless it was faster. A child that
    /// has ended is left alone.
    ///
    /// - Throws: ``WorkflowSuspended``.
    public func cancel<Output>(_ child: ChildRun<Output>) async throws {
        let key = key(for: "cancel:\(child.id)")
        if try recorded(key) as Bool? != nil { return }
        let id = child.id
        let _: Bool = try value(
            try await activation.ask(
                key,
                .step(nil) { tx in
                    _ = try await tx.execute(JobStatements.askToCancel(id))
                    return Ask.Value(json: JSONB(text: "true"), value: true)
                }
            ),
            of: key
        )
    }

    private func begin<Child: Workflow>(
        _ workflow: Child.Type,
        _ input: Child.Input,
        key: String
    ) async throws -> ChildRun<Child.Output> {
        let event = activation.eventName(of: key)
        if let known: JobID = try recorded(key) { return ChildRun(id: known, event: event) }
        var job = try admitted(NewJob.run(workflow, input))
        job.parent = (runID, event)
        let id: JobID = try value(try await activation.ask(key, .start(job)), of: key)
        return ChildRun(id: id, event: event)
    }
}
