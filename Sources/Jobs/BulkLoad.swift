internal import Postgres

/// Jobs on their way into the tables by COPY, a block at a time.
///
/// Numbers are taken in blocks, and where a job stands in its lane is computed here as `lane_of()` and `rank_of()` do.
/// What needs more than its rows (a key) goes by the statement that every single job goes by.
struct BulkLoad {
    private struct Lane {
        let first: Int32
        let count: Int32
        let side: Int32
        let ageing: Int64?
    }

    private static let block = 5000

    private let codec: (any PayloadCodec)?
    /// Jobs made so far.
    private(set) var made = 0
    /// The queues that got work.
    private(set) var queues: Set<String> = []
    private var plain: [NewJob] = []
    private var special: [NewJob] = []
    private var known: [String: Lane] = [:]
    private var now: PostgresTimestamp?

    init(codec: (any PayloadCodec)?) {
        self.codec = codec
    }

    /// Keeps a job to be sent.
    ///
    /// - Returns: whether it is time to send.
    mutating func add(_ job: NewJob) throws -> Bool {
        if job.isPlain { plain.append(try job.encoded(by: codec)) } else { special.append(job) }
        return plain.count >= Self.block || special.count >= 1000
    }

    mutating func send(in transaction: inout Transaction) async throws {
        if !special.isEmpty {
            let answers = try await JobStore.insert(special, codec: codec, in: &transaction)
            for (job, answer) in zip(special, answers) where answer.outcome != .found {
                if answer.outcome == .made { made += 1 }
                if job.runAt == nil { queues.insert(job.queue) }
            }
            special.removeAll(keepingCapacity: true)
        }
        guard !plain.isEmpty else { return }
        let now = try await learn(in: &transaction)
        let ids: [Int64] = try await transaction.query(
            Query(
                "job_ids_reserve",
                "SELECT array_agg(nextval('job_ids')) FROM generate_series(1, \(Int64(plain.count)))"
            )
        )[0][0]
        let rows = try zip(ids, plain).map { id, job in
            guard let lane = known[job.queue] else { throw JobsError.unknownQueues([job.queue]) }
            return Self.place(id, job, lane, now)
        }
        try await transaction.copyIn(
            Query(
                "jobs_copy",
                """
                COPY jobs (id, name, home_queue, queue, priority, is_run, state, rank, wake_at, start_by, input)
                FROM STDIN WITH (FORMAT binary)
                """
            )
        ) { [plain] copy in
            for (row, job) in zip(rows, plain) {
                let state = job.runAt != nil ? "scheduled" : job.isRun ? "ready" : "queued"
                try await copy.row(
                    row.id,
                    job.name,
                    job.queue,
                    job.queue,
                    job.priority,
                    job.isRun,
                    state,
                    row.rank,
                    job.runAt,
                    job.startBy,
                    job.input
                )
            }
        }
        try await line(rows, in: &transaction)
        made += plain.count
        queues.formUnion(plain.lazy.filter { $0.runAt == nil }.map(\.queue))
        plain.removeAll(keepingCapacity: true)
    }

    private typealias Place = (id: Int64, rank: Int64, lane: Int32)

    private func line(_ rows: [Place], in transaction: inout Transaction) async throws {
        if plain.contains(where: { $0.runAt == nil }) {
            try await transaction.copyIn(
                Query("ready_copy", "COPY ready (rank, job_id, lane, is_run) FROM STDIN WITH (FORMAT binary)")
            ) { [plain] copy in
                for (row, job) in zip(rows, plain) where job.runAt == nil {
                    try await copy.row(row.rank, row.id, row.lane, job.isRun)
                }
            }
        }
        if plain.contains(where: { $0.runAt != nil }) {
            try await transaction.copyIn(
                Query("timers_copy", "COPY timers (wake_at, job_id) FROM STDIN WITH (FORMAT binary)")
            ) { [plain] copy in
                for (row, job) in zip(rows, plain) {
                    guard let runAt = job.runAt else { continue }
                    try await copy.row(runAt, row.id)
                }
            }
        }
    }

    private static func place(_ id: Int64, _ job: NewJob, _ lane: Lane, _ now: PostgresTimestamp) -> Place {
        var rank = Int64(job.priority)
        if let ageing = lane.ageing {
            // Milliseconds, rounded down also before 1970.
            let microseconds = (job.runAt ?? now).microseconds
            let milliseconds = microseconds >= 0 ? microseconds / 1000 : (microseconds - 999) / 1000
            rank = milliseconds + rank * ageing
        }
        return (id, rank, lane.first + lane.side * lane.count + Int32(id % Int64(lane.count)))
    }

    /// Looks up the queues that are new in this block, and, once, the time.
    private mutating func learn(in transaction: inout Transaction) async throws -> PostgresTimestamp {
        let names = Set(plain.map(\.queue)).subtracting(known.keys).sorted()
        if let now, names.isEmpty { return now }
        let rows = try await transaction.query(
            Query(
                "queues_learn",
                """
                SELECT n.now, q.name, q.first_lane, q.lanes, q.side, q.ageing_ms FROM (SELECT usher_now() AS now) n
                LEFT JOIN queues q ON q.name = ANY(\(names))
                """
            )
        )
        for row in rows {
            guard let name: String = try row[1] else { continue }
            let side: Int16 = try row[4]
            known[name] = Lane(first: try row[2], count: try row[3], side: Int32(side), ageing: try row[5])
        }
        let unknown = names.filter { known[$0] == nil }
        guard unknown.isEmpty else { throw JobsError.unknownQueues(unknown) }
        let now: PostgresTimestamp = try rows[0][0]
        self.now = now
        return now
    }
}
