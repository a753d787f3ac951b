import Jobs
import TestSupport
import Worker
import Workflows

/// Performs what was claimed by hand as a worker would, and later than it should.
struct HeldBatch {
    let database: TestDatabase
    let registry: WorkflowRegistry

    func perform(_ jobs: [ClaimedJob]) async throws {
        let performer = JobPerformer(registry: registry, journal: nil)
        guard let first = jobs.first, let code = performer.code(of: first) else { return }
        _ = try await BatchTransaction(batch: first.batch, code: code, performer: performer)
            .perform(try jobs.map { try BatchTransaction.Member($0, code, performer) }, on: database.client)
    }
}
