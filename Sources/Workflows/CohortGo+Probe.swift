internal import Jobs
internal import Postgres

// Where a test kit may trip a step.
extension CohortGo {
    func tripped(
        _ asks: [Ask],
        of run: Run,
        _ activation: Activation,
        isSeen: Bool,
        in tx: inout Transaction,
        _ body: (inout Transaction) async throws -> [Swift.Result<Ask.Value, any Error>]
    ) async throws -> [Swift.Result<Ask.Value, any Error>] {
        let id = activation.job.id
        for ask in asks { try engine.probe?.willPerform(ask.key, of: id, isSeen: isSeen) }
        let values = try await traced(activation, run, asks, in: &tx, body)
        for ask in asks { try engine.probe?.didPerform(ask.key, of: id, isSeen: isSeen) }
        return values
    }

    /// Lets the probe trip one run of a batch, which then comes again alone.
    func trip(
        _ run: Run,
        _ ask: Ask,
        _ body: (any EngineProbe, String, JobID) throws -> Void
    ) throws {
        guard let probe = engine.probe, let id = run.job?.id else { return }
        do {
            try body(probe, ask.key, id)
        } catch let crash as SimulatedCrash {
            throw crash
        } catch {
            throw StepThrew(run: run, error: error)
        }
    }
}
