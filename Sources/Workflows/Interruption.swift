/// Why a run has to end before its code is through.
enum Interruption: String, Sendable {
    /// Somebody asked for it.
    case cancelled
    /// It took longer than its workflow allows.
    case timedOut = "timed_out"

    /// The checkpoint key under which it is recorded that the code has been told.
    static let key = "!interrupted"
}

/// Thrown by what a run asks for once the run is to end; what it asks for afterwards works as always.
///
/// So `catch` and `defer` are where code cleans up. What it cleans up with has until the deadline of the cancellation.
///
/// ```swift
/// do {
///     try await context.first(on(Self.arrived) { $0 })
/// } catch let cancelled as WorkflowCancelled {
///     try await context.step("let go") { tx in … }
///     throw cancelled
/// }
/// ```
public struct WorkflowCancelled: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether the run took too long; otherwise somebody cancelled it.
    public let isTimeout: Bool

    init(_ reason: Interruption) {
        isTimeout = reason == .timedOut
    }

    /// The reason, in one line.
    public var description: String { isTimeout ? "the run took longer than it may" : "cancelled by request" }
}
