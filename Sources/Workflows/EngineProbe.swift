package import Jobs

/// Looks over an engine's shoulder and trips it: the test kit's way in.
package protocol EngineProbe: Sendable {
    /// Called before a step or an effect is performed.
    ///
    /// - Parameters:
    ///   - key: the checkpoint's key.
    ///   - run: the run.
    ///   - isSeen: whether the run's code gets what this throws; if not, the same step is performed once more, alone.
    /// - Throws: an error of the step, or ``SimulatedCrash``.
    func willPerform(_ key: String, of run: JobID, isSeen: Bool) throws
    /// Called when it has been performed and nothing of it is kept yet.
    func didPerform(_ key: String, of run: JobID, isSeen: Bool) throws
    /// Called when checkpoints are committed, before anything follows from it.
    func didCommit(_ keys: [String], of run: JobID) throws
}

/// Thrown by a probe to have the process forget all it holds of a cohort, as if it had died.
package struct SimulatedCrash: Error {
    package init() {}
}
