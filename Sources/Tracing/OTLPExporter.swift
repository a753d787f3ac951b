internal import HTTP
public import Reactor
public import Telemetry

/// Sends a tracer's spans to a collector, as OTLP over HTTP in JSON.
///
/// ```swift
/// let tracer = Tracer()
/// let exporter = try OTLPExporter(tracer, to: "http://127.0.0.1:4318", service: "worker", loops: loops, logger: logger)
/// group.addTask { await exporter.run() }
/// ```
/// Nobody waits for it: while the collector is away the tracer fills up, then drops and counts.
public final class OTLPExporter: Sendable {
    private static let batch = 512
    private static let attempts = 5

    private let tracer: Tracer
    private let service: String
    private let endpoint: HTTPEndpoint
    private let path: String
    private let client: HTTPClient
    private let interval: Duration
    private let logger: Logger
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// Makes an exporter; nothing is sent before ``run()``.
    ///
    /// - Parameters:
    ///   - tracer: whose spans are sent.
    ///   - url: of the collector, `http` only; `/v1/traces` is added to its path.
    ///   - service: the process's `service.name`.
    ///   - interval: how long spans gather, unless there are many.
    ///   - loops: the connection lives there.
    ///   - logger: hears of what was lost.
    /// - Throws: ``OTLPEndpointError`` for any other kind of address.
    public init(
        _ tracer: Tracer,
        to url: String,
        service: String,
        interval: Duration = .seconds(1),
        loops: EventLoopGroup,
        logger: Logger
    ) throws {
        guard let endpoint = HTTPEndpoint(url: url) else { throw OTLPEndpointError(url: url) }
        let rest = url.dropFirst(7).drop { $0 != "/" && $0 != "?" }.prefix { $0 != "?" }
        self.endpoint = endpoint
        path = (rest.hasSuffix("/") ? rest.dropLast() : rest) + "/v1/traces"
        self.tracer = tracer
        self.service = service
        self.interval = interval
        self.logger = logger
        client = HTTPClient(loops: loops, configuration: .init(connectionsPerEndpoint: 1))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        tracer.onPressure { [signal] in signal.yield() }
    }

    /// Sends what there is until the task is cancelled, then what is left, once.
    public func run() async {
        await withTaskGroup { group in
            group.addTask { [signal, interval] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: interval)
                    signal.yield()
                }
            }
            for await _ in signals {
                if Task.isCancelled { break }
                await flush(attempts: Self.attempts)
            }
            group.cancelAll()
        }
        // The task is cancelled by now, and with it whatever it would send.
        await Task { [self] in
            await flush(attempts: 1)
            await client.shutdown()
        }.value
        if tracer.dropped > 0 { logger.warning("spans were dropped", ["spans": tracer.dropped]) }
    }

    private func flush(attempts: Int) async {
        while true {
            let spans = tracer.take(upTo: Self.batch)
            guard !spans.isEmpty else { return }
            await send(spans, attempts: attempts)
        }
    }

    private func send(_ spans: [TraceSpan], attempts: Int) async {
        let headers: HTTPHeaders = ["Content-Type": "application/json"]
        let body = OTLPDocument.bytes(spans, service: service)
        var delay = Duration.milliseconds(500)
        for attempt in 1...attempts {
            var reason: String
            do {
                let request = HTTPRequest(.post, path, headers: headers, body: body)
                let response = try await client.send(request, to: endpoint, timeout: .seconds(10))
                if (200..<300).contains(response.status) { return }
                reason = "status \(response.status)"
                guard [429, 502, 503, 504].contains(response.status) else {
                    return lose(spans.count, reason)
                }
                if let seconds = response.headers["Retry-After"].flatMap(Int.init) {
                    delay = .seconds(min(max(0, seconds), 60))
                }
            } catch {
                reason = "\(error)"
            }
            guard attempt < attempts, !Task.isCancelled else { return lose(spans.count, reason) }
            try? await Task.sleep(for: delay)
            delay = min(max(delay, .milliseconds(500)) * 2, .seconds(10))
        }
    }

    private func lose(_ count: Int, _ reason: String) {
        tracer.drop(count)
        logger.warning(
            "spans could not be exported",
            ["spans": count, "to": "\(endpoint)", "reason": reason]
        )
    }
}

/// An address to which spans can't be sent.
public struct OTLPEndpointError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was given.
    public let url: String

    /// What was wrong, and what is accepted.
    public var description: String {
        "spans can't be sent to \"\(url)\": the address of a collector is http://HOST:PORT, with a path or without"
    }
}
