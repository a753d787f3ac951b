internal import HTTP
internal import Telemetry

/// Where in a trace a call is: in its caller's, else in one of its own where this process records any.
struct CallTrace: Sendable {
    private let span: TraceContext?
    private let parentID: UInt64?
    private let start: Int64
    private let tracer: Tracer?

    init(_ request: HTTPRequest, _ tracer: Tracer?) {
        let caller = request.headers["traceparent"].flatMap(TraceContext.init(traceparent:))
        self.tracer = tracer
        parentID = caller?.spanID
        guard tracer != nil else {
            // What is not recorded here is passed on as it came.
            (span, start) = (caller, 0)
            return
        }
        start = Tracer.now
        let fresh = TraceContext.root()
        span =
            caller.map { TraceContext(traceID: $0.traceID, spanID: fresh.spanID, isSampled: $0.isSampled) }
            ?? fresh
    }

    /// Answers within the call's span.
    func within(_ body: () -> Reply) -> Reply {
        guard let span else { return body() }
        return TraceContext.$current.withValue(span, operation: body)
    }

    /// Goes on with the answer within the call's span.
    func within(_ body: @Sendable () async -> HTTPResponse) async -> HTTPResponse {
        guard let span else { return await body() }
        return await TraceContext.$current.withValue(span) { await body() }
    }

    /// Notes that the call of this name was answered.
    func end(_ call: String, _ status: Int) {
        guard let tracer, let span else { return }
        tracer.record(
            TraceSpan(
                call,
                span,
                parent: parentID,
                kind: .server,
                start: start,
                end: Tracer.now,
                attributes: [("http.response.status_code", "\(status)")],
                error: status >= 500 ? "status \(status)" : nil
            )
        )
    }
}
