internal import Jobs
internal import Telemetry

/// Where a run is in a trace: the span that it is as a whole, and those of what it does.
///
/// Their numbers follow from the run and the keys, so that whoever replays or takes over a run gives them the same.
struct RunTrace: Sendable {
    /// The run's own span.
    let context: TraceContext
    /// The span of whoever started it.
    let parentID: UInt64?
    /// Whether spans are made; contexts are passed on all the same.
    let isRecorded: Bool
    /// When the run was enqueued, in nanoseconds since 1970, UTC.
    let start: Int64
    private let generation: Int32
    private let attributes: [(name: String, value: String)]

    init(_ job: ClaimedJob, in around: TraceContext, parentID: UInt64?, isRecorded: Bool, start: Int64) {
        context = around.named("run/\(job.id)")
        self.parentID = parentID
        self.isRecorded = isRecorded && around.isSampled
        self.start = start
        generation = job.generation
        attributes = [("usher.run", "\(job.id)"), ("usher.workflow", job.name)]
    }

    /// The span of what is done under a key; of an effect, each attempt has one.
    func context(of key: String, attempt: Int = 1) -> TraceContext {
        context.named("run/\(generation)/\(key)/\(attempt)")
    }

    /// A span within the run.
    func span(
        _ kind: String,
        _ key: String,
        attempt: Int = 1,
        from start: Int64,
        to end: Int64 = Tracer.now,
        _ error: (any Error)? = nil
    ) -> TraceSpan {
        TraceSpan(
            "\(kind) \(key)",
            context(of: key, attempt: attempt),
            parent: context.spanID,
            kind: kind == "start" ? .producer : kind == "effect" ? .client : .internal,
            start: start,
            end: end,
            attributes: attempt == 1 ? attributes : attributes + [("usher.attempt", "\(attempt)")],
            error: error.map { String("\($0)".prefix(500)) }
        )
    }

    /// One go at the run.
    func go(_ job: ClaimedJob, from start: Int64) -> TraceSpan {
        TraceSpan(
            "go \(job.name)",
            context.named("go/\(job.epoch)/\(start)"),
            parent: context.spanID,
            start: start,
            end: Tracer.now,
            attributes: attributes
        )
    }

    /// The run as a whole, once it has ended.
    func run(_ job: ClaimedJob, error: String?) -> TraceSpan {
        TraceSpan(
            "run \(job.name)",
            context,
            parent: parentID,
            kind: .consumer,
            start: start,
            end: Tracer.now,
            attributes: attributes,
            error: error.map { String($0.prefix(500)) }
        )
    }

    /// Performs an attempt at an effect as a span of its run.
    static func effect(
        _ key: String,
        _ effect: Ask.Effect,
        of trace: RunTrace?,
        _ tracer: Tracer?,
        _ body: () async throws -> Ask.Value
    ) async throws -> Ask.Value {
        guard let trace else { return try await body() }
        let attempt = effect.failures + 1
        let start = Tracer.now
        return try await TraceContext.$current.withValue(trace.context(of: key, attempt: attempt)) {
            do {
                let value = try await body()
                tracer?.record(trace.span("effect", key, attempt: attempt, from: start))
                return value
            } catch {
                tracer?.record(trace.span("effect", key, attempt: attempt, from: start, error))
                throw error
            }
        }
    }
}
