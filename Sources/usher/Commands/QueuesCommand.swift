internal import Jobs
internal import Postgres

/// `usher queues` and `usher workers`: what waits, and who works.
enum QueuesCommand {
    static let queues = Command(
        "queues",
        "Show the queues and what is in them",
        discussion: """
            READY is what Postgres keeps of each lane: no table is counted, so it may lag by a second. HELD is what workers
            have claimed, BLOCKED what waits for its key, OLDEST how long the first in line has waited, DONE/MIN plain jobs
            that ended well in the last minute, DEAD the dead letters. BLOCKED and DEAD are exact up to 10,000, and
            estimates with a ~ beyond.
            """,
        options: [.json] + Option.database
    ) { invocation in
        let rows = try await rows(EngineView.queues(), invocation, as: EngineView.QueueRow.self)
        if invocation.arguments.flag(.json) { return rows.printLines() }
        try rows.printTable([
            "QUEUE", "READY", "HELD", "BLOCKED", "OLDEST", "DONE/MIN", "DEAD", "LANES", "STATE",
        ]) { row in
            [
                row.name, "\(row.ready)", "\(row.held)", about(row.blocked, row.blocked_is_estimate),
                row.oldest_seconds.map { "\($0)s" } ?? "-",
                "\(row.done_last_minute)", about(row.dead_letters, row.dead_letters_is_estimate),
                "\(row.lanes)",
                row.paused ? "paused" : "open",
            ]
        }
    }

    private static func about(_ count: Int, _ isEstimate: Bool) -> String {
        isEstimate ? "~\(count)" : "\(count)"
    }

    static let workers = Command(
        "workers",
        "Show the worker processes",
        discussion:
            "SILENT is how long ago a worker last said that it lives; after a few seconds its claims are given away.",
        options: [.json] + Option.database
    ) { invocation in
        let rows = try await rows(EngineView.workers(), invocation, as: EngineView.WorkerRow.self)
        if invocation.arguments.flag(.json) { return rows.printLines() }
        try rows.printTable(["ID", "POOL", "HOST", "PID", "RUNNING", "CAPACITY", "SILENT", "STATE", "QUEUES"])
        { row in
            [
                "\(row.id)", row.pool, row.host, "\(row.process_id)", "\(row.running)", "\(row.capacity)",
                "\(row.silent_seconds)s", row.draining ? "draining" : "working",
                row.queues.joined(separator: ","),
            ]
        }
    }

    private static func rows<Row: Decodable>(
        _ query: Query,
        _ invocation: Invocation,
        as type: Row.Type
    ) async throws -> JSONRows<Row> {
        let place = try await Workplace.open(invocation, connections: 1)
        try await place.checkSchema()
        let rows = try JSONRows<Row>(try await place.postgres.query(query))
        await place.close()
        return rows
    }
}
