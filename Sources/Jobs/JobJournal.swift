package import Postgres
internal import Reactor
internal import Telemetry

/// Gathers what running jobs say of themselves, so that it is written in batches beside their work.
package final class JobJournal: Sendable {
    private struct Entry {
        let id: Int64
        let attempt: Int16
        let level: String
        let message: String
        let fields: JSONB?
        let at: PostgresTimestamp
    }

    private struct State {
        var progress: [Int64: (fraction: Double, message: String)] = [:]
        var log: [Entry] = []
        var dropped = 0
        var isDue = false
    }

    /// Records beyond this are dropped, and counted, until the database takes them.
    private static let most = 20_000
    /// The longest message that is kept.
    private static let longest = 4000

    private let state = Lock(State())
    private let due: @Sendable () -> Void

    /// Makes a journal; `due` is called when something was said and nothing waited before.
    package init(due: @escaping @Sendable () -> Void) {
        self.due = due
    }

    func note(progress fraction: Double, _ message: String, of id: JobID) {
        signal { $0.progress[id.rawValue] = (fraction, String(message.prefix(Self.longest))) }
    }

    func note(_ level: LogLevel, _ message: String, _ fields: [(String, String)], of id: JobID, attempt: Int)
    {
        var json: JSONB?
        if !fields.isEmpty {
            json = try? JSONCoding.encode(Dictionary(fields, uniquingKeysWith: { $1 }))
        }
        let entry = Entry(
            id: id.rawValue,
            attempt: Int16(clamping: attempt),
            level: "\(level)",
            message: String(message.prefix(Self.longest)),
            fields: json,
            at: .now
        )
        signal { state in
            if state.log.count < Self.most { state.log.append(entry) } else { state.dropped += 1 }
        }
    }

    private func signal(_ body: (inout State) -> Void) {
        let isFirst = state.withLock { state in
            body(&state)
            defer { state.isDue = true }
            return !state.isDue
        }
        if isFirst { due() }
    }

    /// Writes what was said since the last time; if that fails, it is kept for the next.
    ///
    /// - Returns: how many records were dropped, because the database took none for long.
    /// - Throws: ``PostgresError``.
    package func write(on postgres: PostgresClient) async throws -> Int {
        let taken = state.withLock { state in
            defer { state = State() }
            return state
        }
        var statements: [Query] = []
        if !taken.progress.isEmpty {
            let progress = taken.progress.sorted { $0.key < $1.key }
            statements.append(
                JobStatements.keep(progress: progress.map { ($0.key, $0.value.fraction, $0.value.message) })
            )
        }
        if !taken.log.isEmpty {
            let log = taken.log
            statements.append(
                Query(
                    "job_logs_keep",
                    """
                    INSERT INTO job_logs (job_id, at, attempt, level, message, fields)
                    SELECT * FROM unnest(
                        \(log.map(\.id)), \(log.map(\.at)), \(log.map(\.attempt)), \(log.map(\.level)),
                        \(log.map(\.message)), \(log.map(\.fields))
                    )
                    """
                )
            )
        }
        guard !statements.isEmpty else { return 0 }
        do {
            _ = try await postgres.pipeline(statements)
        } catch {
            state.withLock { state in
                state.progress.merge(taken.progress) { newer, _ in newer }
                state.log.insert(contentsOf: taken.log.prefix(max(0, Self.most - state.log.count)), at: 0)
                state.dropped += taken.dropped
                state.isDue = true
            }
            throw error
        }
        return taken.dropped
    }
}

extension JobStatements {
    /// Keeps the latest progress of each job.
    ///
    /// Primary key of `job_progress`. The rows come in id order, so that writers don't deadlock.
    static func keep(progress: [(id: Int64, fraction: Double, message: String)]) -> Query {
        Query(
            "job_progress_keep",
            """
            INSERT INTO job_progress AS p (job_id, fraction, message, at)
            SELECT *, (SELECT usher_now()) FROM unnest(
                \(progress.map(\.id)), \(progress.map(\.fraction)), \(progress.map(\.message))
            )
            ON CONFLICT (job_id) DO UPDATE SET
                fraction = excluded.fraction, message = excluded.message, at = excluded.at
            """
        )
    }
}
