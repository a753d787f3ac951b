public import Telemetry

extension WorkflowContext {
    /// Where in a trace the run is, if it is in one.
    ///
    /// Inside of a step or an effect, `TraceContext.current` is that step's or effect's.
    public var trace: TraceContext? { activation.trace?.context }
}
