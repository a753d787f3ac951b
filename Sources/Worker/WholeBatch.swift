import Jobs
import Workflows

/// The jobs of one claim and one name whose code takes them all at once.
struct WholeBatch: Sendable {
    let batch: RunningBatch
    let name: String
    let code: RegisteredJob
    var indices: [Int]
}

extension JobRunner {
    /// Performs jobs in the transactions that end them; what fails alone is written with other ends.
    func perform(_ whole: WholeBatch) async {
        let batch = whole.batch
        var places: [JobID: Int] = [:]
        for index in whole.indices { places[batch.jobs[index].id] = index }
        await BatchTransaction(batch: batch.number, code: whole.code, performer: performer).performAll(
            whole.indices.map { batch.jobs[$0] },
            on: postgres,
            logger: logger,
            wrote: { jobs, _ in self.wrote(batch, jobs.compactMap { places[$0.id] }) },
            failed: { job, end in if let index = places[job.id] { self.note(batch, index, end) } }
        )
    }
}
