import Jobs
import Postgres
import Reactor

/// Claims from many leaves in one round trip, and gives back what it was given without hearing of it.
///
/// Leaves that gave all they were asked for are claimed from again; of the others one small statement tells which have
/// rows at all, because a claim is a large one and most leaves of a quiet queue are empty.
struct Claimer {
    private struct Leaf {
        /// The last job taken from it.
        var last: LaneFloor?
        /// Whether it gave all it was asked for, so that there may be more.
        var isFull = false
        var wasEmptyAt: MonotonicTime?
    }

    /// In a flood, leaves that were empty are looked at again only so often.
    private static let quiet = Duration.milliseconds(100)
    /// The most one leaf gives at a time: its numbers fit a row of `claims`.
    private static let batch = 500
    /// How many claims are made at a time in a flood, by each of so many workers; more of them keep the server busy with
    /// one each, and two would only stand in each other's way.
    private static let (atOnce, fewWorkers) = (2, 2)

    private let postgres: PostgresClient
    private var turn = 0
    private var known: [Int32: Leaf] = [:]
    private var suspectUntil: MonotonicTime?
    private var lookedAt: MonotonicTime?
    private var floorsUntil: MonotonicTime?
    private var slowLooks = 0
    /// Whether there was more to be had than was asked for.
    private(set) var hasMore = false

    init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Claims up to `limit` jobs, from a different leaf first each time; `hints` are leaves of which somebody said that
    /// they have some.
    mutating func claim(
        upTo limit: Int,
        from leaves: [LaneLeaf],
        hints: Set<Int32>,
        worker: Int64
    ) async throws -> [ClaimedBatch] {
        hasMore = false
        guard !leaves.isEmpty, limit > 0 else { return [] }
        let hasSignals = try await dispatch(leaves)
        let now = MonotonicTime.now
        var full: [LaneLeaf] = []
        var others: [LaneLeaf] = []
        for leaf in leaves {
            if known[leaf.number]?.isFull == true { full.append(leaf) } else { others.append(leaf) }
        }
        guard full.isEmpty else {
            // Few leaves give much each round, and the others are looked at now and then.
            others.removeAll { leaf in known[leaf.number]?.wasEmptyAt.map { now - $0 < Self.quiet } ?? false }
            let order = rotated(
                full,
                atMost: min(limit, max(atOnce(leaves), limit / Self.batch)),
                worker: worker
            )
            let (claimed, found) = try await take(
                limit,
                from: order,
                lookingAt: others.isEmpty ? [] : leaves,
                worker: worker
            )
            for leaf in others { known[leaf.number]?.isFull = found.contains(leaf.number) }
            return noted(claimed, hasSignals, leaves)
        }
        let told = leaves.filter { hints.contains($0.number) }
        var (claimed, found) = try await take(
            limit,
            from: rotated(told, atMost: limit, worker: worker),
            lookingAt: leaves,
            worker: worker
        )
        let left = limit - claimed.reduce(0) { $0 + $1.jobs.count }
        let order = rotated(leaves.filter { found.contains($0.number) }, atMost: left, worker: worker)
        claimed += try await take(left, from: order, lookingAt: [], worker: worker).claimed
        return noted(claimed, hasSignals, leaves)
    }

    private func atOnce(_ leaves: [LaneLeaf]) -> Int {
        leaves.contains { $0.workers > Self.fewWorkers } ? 1 : Self.atOnce
    }

    private mutating func noted(
        _ claimed: [ClaimedBatch],
        _ hasSignals: Bool,
        _ leaves: [LaneLeaf]
    ) -> [ClaimedBatch] {
        hasMore = hasSignals || leaves.contains { known[$0.number]?.isFull == true }
        return claimed
    }

    /// So many of these leaves, others first each time, and other workers' first ones elsewhere.
    private mutating func rotated(_ leaves: [LaneLeaf], atMost count: Int, worker: Int64) -> [LaneLeaf] {
        guard !leaves.isEmpty else { return [] }
        let start = (turn + Int(worker)) % leaves.count
        let order = Array((leaves[start...] + leaves[..<start]).prefix(count))
        turn += order.count
        return order
    }

    /// Claims from each of these leaves, and asks which of others have rows, in one round trip.
    private mutating func take(
        _ limit: Int,
        from leaves: [LaneLeaf],
        lookingAt others: [LaneLeaf],
        worker: Int64
    ) async throws -> (claimed: [ClaimedBatch], found: Set<Int32>) {
        // Queues' limits are locked in the order of their names, as every claimer does.
        let order =
            leaves.filter { !$0.isLimited } + leaves.filter(\.isLimited).sorted { $0.queue < $1.queue }
        let share = order.isEmpty ? 0 : min(Self.batch, limit / order.count)
        let began = MonotonicTime.now
        let usesFloors = floorsUntil.map { began < $0 } ?? false
        func floor(_ leaf: LaneLeaf) -> LaneFloor? { usesFloors ? known[leaf.number]?.last : nil }
        var statements = order.map { leaf in
            JobStatements.claim(leaf, limit: share, worker: worker, floor: floor(leaf))
        }
        // One connection's claims are one after the other; a flood keeps two processors of the server busy.
        var aside: [Query] = []
        if atOnce(order) > 1, statements.count >= Self.atOnce,
            order.allSatisfy({ known[$0.number]?.isFull == true && !$0.isLimited })
        {
            aside = Array(statements[(statements.count / 2)...])
            statements.removeLast(aside.count)
        }
        if !others.isEmpty { statements.append(JobStatements.look(at: others.map { ($0, floor($0)) })) }
        guard !statements.isEmpty else { return ([], []) }
        async let more = aside.isEmpty ? [] : postgres.pipeline(aside)
        var answers = try await postgres.pipeline(statements)
        var found: Set<Int32> = []
        if !others.isEmpty {
            found = Set(try answers.removeLast().map { try $0[0] })
            for leaf in others {
                known[leaf.number, default: Leaf()].wasEmptyAt = found.contains(leaf.number) ? nil : began
                if !found.contains(leaf.number) { known[leaf.number]?.last = nil }
            }
        }
        answers += try await more
        // Waiting for a queue's limit says nothing of its lanes.
        if !usesFloors, !order.contains(where: \.isLimited) {
            learn(elapsed: .now - began, rows: answers.reduce(0) { $0 + $1.count })
        }
        var claimed: [ClaimedBatch] = []
        for (leaf, rows) in zip(order, answers) {
            var state = known[leaf.number] ?? Leaf()
            state.isFull = rows.count == share
            state.wasEmptyAt = rows.isEmpty ? began : nil
            if rows.isEmpty { state.last = nil }
            var plain: [ClaimedJob] = []
            var runs: [ClaimedJob] = []
            plain.reserveCapacity(rows.count)
            for row in rows {
                let job = try ClaimedJob(claim: row, from: leaf.queue)
                let place = LaneFloor(rank: job.rank, id: job.id)
                if state.last.map({ $0 < place }) ?? true { state.last = place }
                if job.isRun { runs.append(job) } else { plain.append(job) }
            }
            known[leaf.number] = state
            for jobs in [plain, runs] {
                guard let first = jobs.first else { continue }
                claimed.append(ClaimedBatch(number: first.batch, isRun: first.isRun, jobs: jobs))
            }
        }
        return (claimed, found)
    }

    /// Decides from a look at the heads of lanes whether the next ones may start where the last one ended.
    ///
    /// While someone holds an old snapshot, dead rows stay at the heads and each look walks over them. Looks from the
    /// head are then made only so often that they take a twentieth of the time; in between, what comes in front of the
    /// last job taken, because it is urgent or was committed late, waits.
    private mutating func learn(elapsed: Duration, rows: Int) {
        let usual = Duration.milliseconds(10) + .microseconds(50) * rows
        slowLooks = elapsed > usual ? slowLooks + 1 : 0
        // One may have waited for a lock, or for a processor.
        floorsUntil = slowLooks > 1 ? .now + min(elapsed * 20, .seconds(60)) : nil
    }

    /// Lets blocked jobs of these leaves' queues into their lanes, where there is room for them.
    ///
    /// A commit of its own, so that the keys' rows are not locked until the claim's.
    ///
    /// - Returns: whether keys had more signals than one dispatch takes.
    private func dispatch(_ leaves: [LaneLeaf]) async throws -> Bool {
        let queues = Set(leaves.filter(\.isKeyed).map(\.queue))
        guard !queues.isEmpty else { return false }
        let answers = try await postgres.pipeline(
            queues.sorted().map { LimitStatements.dispatch(queue: $0, most: Self.batch) }
        )
        return try answers.contains { rows in try rows[0][0] as Int64 == Int64(Self.batch) }
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
