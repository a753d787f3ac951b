import Jobs
import Postgres
import Reactor

/// Claims from many leaves in one round trip, and gives back what it was given without hearing of it.
struct Claimer {
    private struct Leaf {
        /// The last job taken from it.
        var last: LaneFloor?
        var wasEmptyAt: MonotonicTime?
        var wasFull = false
    }

    /// In a flood, leaves that were empty are asked again only so often.
    private static let quiet = Duration.milliseconds(100)
    /// The most one leaf gives at a time: its numbers fit a row of `claims`.
    private static let batch = 500
    /// Rather fewer leaves than batches smaller than this: a statement costs the same for one job as for many.
    private static let worthwhile = 200

    private let postgres: PostgresClient
    private var turn = 0
    private var known: [Int32: Leaf] = [:]
    private var suspectUntil: MonotonicTime?
    private var lookedAt: MonotonicTime?
    private var floorsUntil: MonotonicTime?
    /// Whether keys had more signals than one dispatch takes.
    private(set) var hasMore = false

    init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Claims up to `limit` jobs, from a different leaf first each time.
    mutating func claim(upTo limit: Int, from leaves: [LaneLeaf], worker: Int64) async throws -> [ClaimedJob]
    {
        let now = MonotonicTime.now
        // In a flood each round asks a few leaves for much; otherwise all of them for what there is.
        let isFlood = leaves.contains { known[$0.number]?.wasFull == true }
        let asked = leaves.filter { leaf in
            guard isFlood, let emptyAt = known[leaf.number]?.wasEmptyAt else { return true }
            return now - emptyAt >= Self.quiet
        }
        guard !asked.isEmpty, limit > 0 else { return [] }
        let start = turn % asked.count
        var order = Array(
            (asked[start...] + asked[..<start]).prefix(isFlood ? max(1, limit / Self.worthwhile) : limit)
        )
        turn += order.count
        try await dispatch(order)
        // Queues' limits are locked in the order of their names, as every claimer does.
        order = order.filter { !$0.isLimited } + order.filter(\.isLimited).sorted { $0.queue < $1.queue }
        let began = MonotonicTime.now
        let share = max(1, min(Self.batch, (limit + order.count - 1) / order.count))
        let usesFloors = floorsUntil.map { now < $0 } ?? false
        let answers = try await postgres.pipeline(
            order.map { leaf in
                let floor = usesFloors ? known[leaf.number]?.last : nil
                return JobStatements.claim(leaf, limit: share, worker: worker, floor: floor)
            }
        )
        // Waiting for a queue's limit says nothing of its lanes.
        if !usesFloors, !order.contains(where: \.isLimited) {
            learn(elapsed: .now - began, rows: answers.reduce(0) { $0 + $1.count })
        }
        var claimed: [ClaimedJob] = []
        for (leaf, rows) in zip(order, answers) {
            known[leaf.number, default: Leaf()].wasEmptyAt =
                rows.isEmpty && !leaf.isKeyed && !leaf.isLimited ? now : nil
            known[leaf.number]?.wasFull = rows.count == share
            if rows.isEmpty { known[leaf.number]?.last = nil }
            for row in rows {
                let job = try ClaimedJob(claim: row, from: leaf.queue)
                let place = LaneFloor(rank: job.rank, id: job.id)
                if known[leaf.number]?.last.map({ $0 < place }) ?? true { known[leaf.number]?.last = place }
                claimed.append(job)
            }
        }
        claimed.sort { ($0.rank, $0.id.rawValue) < ($1.rank, $1.id.rawValue) }
        return claimed
    }

    /// Decides from a look at the heads of lanes whether the next ones may start where the last one ended.
    ///
    /// While someone holds an old snapshot, dead rows stay at the heads and each look walks over them. Looks from the
    /// head are then made only so often that they take a twentieth of the time; in between, what comes in front of the
    /// last job taken, because it is urgent or was committed late, waits.
    private mutating func learn(elapsed: Duration, rows: Int) {
        let usual = Duration.milliseconds(10) + .microseconds(50) * rows
        floorsUntil = elapsed > usual ? .now + min(elapsed * 20, .seconds(60)) : nil
    }

    /// Lets blocked jobs of these leaves' queues into their lanes, where there is room for them.
    ///
    /// A commit of its own, so that the keys' rows are not locked until the claim's.
    private mutating func dispatch(_ leaves: [LaneLeaf]) async throws {
        hasMore = false
        let queues = Set(leaves.filter(\.isKeyed).map(\.queue))
        guard !queues.isEmpty else { return }
        let answers = try await postgres.pipeline(
            queues.sorted().map { LimitStatements.dispatch(queue: $0, most: Self.batch) }
        )
        hasMore = try answers.contains { rows in try rows[0][0] as Int64 == Int64(Self.batch) }
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
