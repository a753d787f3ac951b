internal import Jobs
internal import Postgres

extension WorkflowContext {
    /// Which side of a change to the code this run is on: 0 is the code before it.
    ///
    /// ```swift
    /// if try await context.version(of: "charge before packing") == 1 {
    ///     try await charge(); try await pack()
    /// } else {
    ///     try await pack(); try await charge()
    /// }
    /// ```
    /// A run that had come past this point before the change stays on the old side; one that gets here later takes the
    /// new one, and stays with it. Once no run is left on the old side, the call can go.
    ///
    /// - Parameters:
    ///   - change: names the change; one answer per run.
    ///   - latest: the newest side that this code knows, from 1.
    /// - Returns: 0 to `latest`.
    /// - Throws: ``WorkflowSuspended`` when the run was on a newer side than this code knows: it is paused.
    public func version(of change: String, upTo latest: Int = 1) async throws -> Int {
        let key = "version:\(change)"
        if let known: Int = try recorded(key) {
            guard known <= latest else {
                activation.diverge("it is on side \(known) of \"\(change)\", and the code knows \(latest)")
                throw WorkflowSuspended()
            }
            return known
        }
        let side = activation.isReplaying ? 0 : latest
        activation.mark(key, try JSONCoding.encode(side))
        return side
    }
}
