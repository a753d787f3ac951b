internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Telemetry

extension Operation {
    /// The first things an operator looks at and turns.
    static let operatorCalls: [Operation] = [
        Operation(
            "listQueues",
            .get,
            "/v1/operator/queues",
            .operator,
            "Queues, and how much waits in each; no table is counted for it, so that a number may lag by a second or so.",
            success: (200, "QueueList")
        ) { services, _, _ in
            try OperatorJSON.lists(["queues": try await services.postgres.query(EngineView.queues())])
        },
        Operation(
            "listWorkers",
            .get,
            "/v1/operator/workers",
            .operator,
            "Worker processes, and the pools they are of.",
            success: (200, "WorkerList")
        ) { services, _, _ in
            .json(try await OperatorDocuments.workers(services.postgres))
        },
        Operation(
            "pauseQueue",
            .post,
            "/v1/operator/queues/{name}/pause",
            .operator,
            "Holds a queue: what runs goes on, and nothing more is started.",
            success: (200, "QueueState"),
            problems: [.unknownQueue, .outcomeUnknown]
        ) { services, call, holder in
            try await OperatorDocuments.setPaused(true, services, call, holder)
        },
        Operation(
            "resumeQueue",
            .post,
            "/v1/operator/queues/{name}/resume",
            .operator,
            "Lets a queue go on that was held.",
            success: (200, "QueueState"),
            problems: [.unknownQueue, .outcomeUnknown]
        ) { services, call, holder in
            try await OperatorDocuments.setPaused(false, services, call, holder)
        },
        Operation(
            "scalePool",
            .post,
            "/v1/operator/pools/{name}/scale",
            .operator,
            "Says how many worker processes a pool should have; whoever supervises them obeys.",
            body: "Scale",
            success: (200, "Pool"),
            problems: [.malformedJSON, .notJSON, .invalidFields, .unknownPool, .outcomeUnknown]
        ) { services, call, holder in
            var fields = try RequestFields(call.request)
            let workers = fields.integer("workers", in: 0...64)
            try fields.check()
            let name = call.parameters["name"]
            guard let pool = try await services.pools.scale(name, to: workers, by: holder) else {
                throw Problem.unknownPool
            }
            services.logger.info("pool scaled", ["pool": name, "workers": workers, "by": holder.actor])
            return .json(
                JSONWriter.object { OperatorDocuments.write(pool.name, pool.queues, pool.wanted, to: &$0) }
            )
        },
    ]
}

/// What operators see, read from the engine's tables.
enum OperatorDocuments {
    /// Holds or lets go the queue that the path names.
    static func setPaused(
        _ isPaused: Bool,
        _ services: Services,
        _ call: Call,
        _ holder: APIKeys.Holder
    ) async throws -> HTTPResponse {
        try await hold(isPaused, "queue", services, call, holder, orThrow: .unknownQueue) {
            try await services.controls.setPaused(isPaused, queue: $0, by: holder)
        }
    }

    /// Holds or lets go what the path names, notes who did, and answers with how it is then.
    static func hold(
        _ isPaused: Bool,
        _ what: String,
        _ services: Services,
        _ call: Call,
        _ holder: APIKeys.Holder,
        orThrow unknown: Problem,
        _ set: (String) async throws -> Bool
    ) async throws -> HTTPResponse {
        let name = call.parameters["name"]
        guard try await set(name) else { throw unknown }
        services.logger.info(
            "\(what) \(isPaused ? "paused" : "resumed")",
            [what: name, "by": holder.actor]
        )
        return .json(
            JSONWriter.object {
                $0.field("name", name)
                $0.field("paused", isPaused)
            }
        )
    }

    static func workers(_ postgres: PostgresClient) async throws -> [UInt8] {
        let answers = try await postgres.pipeline([
            Query(
                "operator.workers",
                """
                SELECT id, pool, queues, host, process_id, capacity, running, draining, started_at, heartbeat_at
                FROM workers ORDER BY pool, id
                """
            ),
            Query("operator.pools", "SELECT name, queues, wanted FROM pools ORDER BY name"),
        ])
        return try JSONWriter.object { json in
            try json.array("workers") { list in
                for row in answers[0] { try list.object { try write(worker: row, to: &$0) } }
            }
            try json.array("pools") { list in
                for row in answers[1] {
                    try list.object { write(try row[0], try row[1], try row[2], to: &$0) }
                }
            }
        }
    }

    private static func write(worker row: Row, to json: inout JSONWriter) throws {
        json.field("id", String(try row[0] as Int64))
        json.field("pool", try row[1] as String)
        let queues: [String] = try row[2]
        json.array("queues") { for queue in queues { $0.value(queue) } }
        json.field("host", try row[3] as String)
        json.field("process", try row[4] as Int)
        json.field("capacity", try row[5] as Int)
        json.field("running", try row[6] as Int)
        json.field("draining", try row[7] as Bool)
        json.field("started_at", "\(try row[8] as PostgresTimestamp)")
        json.field("heartbeat_at", "\(try row[9] as PostgresTimestamp)")
    }

    /// A pool and how many workers it ought to have.
    static func write(_ name: String, _ queues: [String], _ wanted: Int, to json: inout JSONWriter) {
        json.field("name", name)
        json.array("queues") { for queue in queues { $0.value(queue) } }
        json.field("workers", wanted)
    }
}
