internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry

// What a go leaves in the run's trace, once it has committed.
extension CohortGo {
    /// Where a run is in a trace; one that nobody traced begins its own where this process records any.
    func trace(of job: ClaimedJob, _ createdAt: PostgresTimestamp) -> RunTrace? {
        guard
            let around = job.trace
                ?? engine.tracer.map({ _ in
                    .root(UInt64(bitPattern: job.id.rawValue), UInt64(bitPattern: createdAt.microseconds))
                })
        else { return nil }
        return RunTrace(
            job,
            in: around,
            parentID: job.trace?.spanID,
            isRecorded: engine.tracer != nil,
            start: createdAt.microseconds * 1000
        )
    }

    /// Performs a step within its span.
    func traced(
        _ activation: Activation,
        _ run: Run,
        _ asks: [Ask],
        in tx: inout Transaction,
        _ body: (inout Transaction) async throws -> [Swift.Result<Ask.Value, any Error>]
    ) async throws -> [Swift.Result<Ask.Value, any Error>] {
        guard let trace = activation.trace, let first = asks.first else { return try await body(&tx) }
        let began = Tracer.now
        do {
            let values = try await TraceContext.$current.withValue(trace.context(of: first.key)) {
                try await body(&tx)
            }
            for ask in asks { note(run, ask, from: began, nil) }
            return values
        } catch {
            for ask in asks { note(run, ask, from: began, error) }
            throw error
        }
    }

    /// Notes a step that was performed.
    func note(_ run: Run, _ ask: Ask, from began: Int64, _ error: (any Error)?) {
        guard let trace = run.activation?.trace, trace.isRecorded else { return }
        let isStart = if case .start = ask.kind { true } else { false }
        run.note(trace.span(isStart ? "start" : "step", ask.key, from: began, error))
    }

    /// A job or run that a run starts, with where it stands in the run's trace.
    func placed(_ job: NewJob, by run: Run, _ ask: Ask) -> NewJob {
        guard let trace = run.activation?.trace else { return job }
        var job = job
        job.trace = trace.context(of: ask.key)
        return job
    }

    /// Notes that a run is over.
    func noteEnd(_ run: Run, _ next: JobOutcome.Next) {
        guard let activation = run.activation, let trace = activation.trace, trace.isRecorded else { return }
        switch next {
        case .done: run.note(trace.run(activation.job, error: nil))
        case .failed(let error, _): run.note(trace.run(activation.job, error: error))
        case .cancelled: run.note(trace.run(activation.job, error: "cancelled"))
        case .ready, .retry, .waiting, .paused, .again: break
        }
    }
}

extension Activation {
    /// Notes that a wait is over.
    func noteWait(_ key: String, since: Int64?) {
        guard let since, let trace, trace.isRecorded else { return }
        let span = trace.span("wait", key, from: since * 1000, to: now.microseconds * 1000)
        state.withLock { $0.spans.append(span) }
    }

    /// Takes the waits that are over.
    func takeSpans() -> [TraceSpan] {
        state.withLock { state in
            defer { state.spans = [] }
            return state.spans
        }
    }
}
