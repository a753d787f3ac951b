extension WorkflowContext {
    /// Says how to undo what the run has just done, should it fail later.
    ///
    /// ```swift
    /// let flight = try await context.effect("book flight") { key in try await flights.book(trip, key) }
    /// context.compensate("flight") { undo in
    ///     try await undo.effect("cancel flight") { key in try await flights.cancel(flight, key) }
    /// }
    /// ```
    /// When the run fails for good, takes too long or is cancelled, compensations are run in the opposite order of
    /// their saying; those that had not been said are not. They are part of the run: what they do is recorded, tried
    /// again and survives a crash as any step does. A compensation that fails is tried again as the workflow's retry
    /// policy says, and after that the run fails with both reasons.
    ///
    /// - Parameters:
    ///   - name: of what is undone; its keys begin with it.
    ///   - body: given a context for what it does.
    public func compensate(
        _ name: String,
        _ body: @escaping @Sendable (_ context: WorkflowContext) async throws -> Void
    ) {
        activation.compensate(Activation.Compensation(name: name, body: body))
    }
}
