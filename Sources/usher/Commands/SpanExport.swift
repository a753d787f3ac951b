internal import Telemetry
internal import Tracing

/// The spans of a process on their way to the collector that its settings name.
struct SpanExport: Sendable {
    let tracer: Tracer
    private let exporter: OTLPExporter

    /// Prepares it; nil if no collector is named.
    ///
    /// - Throws: ``Failure`` for an address that can't be one.
    init?(_ invocation: Invocation, _ place: Workplace, service: String) throws {
        guard let url = invocation.arguments.text(.otlpEndpoint) else { return nil }
        tracer = Tracer()
        do {
            exporter = try OTLPExporter(
                tracer,
                to: url,
                service: service,
                loops: place.loops,
                logger: invocation.logger("tracing")
            )
        } catch let error as OTLPEndpointError {
            throw Failure("--otlp-endpoint: \(error)")
        }
    }

    /// Sends spans until the task is cancelled.
    func run() async { await exporter.run() }
}
