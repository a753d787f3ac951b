/// Where captured facts go.
package protocol FactSink: Sendable {
    /// Passes facts on; returns when they are safe there.
    ///
    /// Facts come in the order of the log. After a restart, those may come again that came last. It tries again by itself
    /// what may work later, until its task is cancelled.
    ///
    /// - Throws: What will not pass by itself.
    func tell(_ facts: [Fact]) async throws
}
