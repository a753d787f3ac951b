import Jobs
import Postgres
import Reactor

/// Claims from many leaves in one round trip, and gives back what it was given without hearing of it.
struct Claimer {
    private struct Leaf {
        var floor: LaneFloor?
        var wasEmptyAt: MonotonicTime?
    }

    /// Leaves that were empty are asked again only so often while others have work.
    private static let quiet = Duration.milliseconds(100)
    /// The most one leaf gives at a time: its numbers fit a row of `claims`.
    private static let batch = 500

    private let postgres: PostgresClient
    private var turn = 0
    private var known: [Int32: Leaf] = [:]
    private var suspectUntil: MonotonicTime?
    private var lookedAt: MonotonicTime?

    init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Claims up to `limit` jobs, from a different leaf first each time.
    mutating func claim(upTo limit: Int, from leaves: [LaneLeaf], worker: Int64) async throws -> [ClaimedJob]
    {
        let now = MonotonicTime.now
        var asked = leaves.filter { leaf in
            guard let emptyAt = known[leaf.number]?.wasEmptyAt else { return true }
            return now - emptyAt >= Self.quiet
        }
        // With nothing else to ask, the quiet ones are all there is.
        if asked.isEmpty { asked = leaves }
        guard !asked.isEmpty, limit > 0 else { return [] }
        turn += 1
        let start = turn % asked.count
        let order = Array((asked[start...] + asked[..<start]).prefix(limit))
        let share = max(1, min(Self.batch, (limit + order.count - 1) / order.count))
        let answers = try await postgres.pipeline(
            order.map {
                JobStatements.claim($0, limit: share, worker: worker, floor: known[$0.number]?.floor)
            }
        )
        var claimed: [ClaimedJob] = []
        for (leaf, rows) in zip(order, answers) {
            known[leaf.number, default: Leaf()].wasEmptyAt = rows.isEmpty ? now : nil
            for row in rows { claimed.append(try ClaimedJob(claim: row, from: leaf.queue)) }
        }
        claimed.sort { ($0.rank, $0.id.rawValue) < ($1.rank, $1.id.rawValue) }
        return claimed
    }

    // MARK: Lost answers

    /// Notes that a claim may have been committed, now or later, and only its answer lost.
    mutating func isSuspect(for duration: Duration) {
        suspectUntil = .now + duration
        lookedAt = nil
    }

    /// After a lost answer, looks about once a second for claims in this worker's name that it never heard of.
    ///
    /// Claims are made by this value alone and one at a time, so whatever is there and not known was lost. A server
    /// that was still busy with a cut-off claim may commit it late: hence the minute.
    mutating func giveUpUnknown(worker: Int64, knowing batches: [Int64]) async throws {
        let now = MonotonicTime.now
        guard let suspectUntil, now < suspectUntil, lookedAt.map({ now - $0 >= .seconds(1) }) ?? true else {
            return
        }
        lookedAt = now
        let rows = try await postgres.query(JobStatements.unknown(to: worker, knowing: batches))
        guard !rows.isEmpty else { return }
        _ = try await postgres.execute(
            JobStatements.abandon(batches: try rows.map { try $0[0] }, worker: worker)
        )
    }
}
