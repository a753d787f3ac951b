internal import Postgres
internal import Reactor

/// How a queue is cut and ordered.
public struct QueueOptions: Sendable, Hashable {
    /// Slices that workers claim from without meeting each other, from 1 to 64.
    ///
    /// Fixed when the queue is made.
    public var lanes: Int
    /// What one step of priority is worth in waiting; nil is any amount, so that the urgent always go first.
    ///
    /// With 60 seconds, a job of priority 2 stands where one of priority 0 stands that came two minutes later.
    public var ageing: Duration?

    /// Makes options; see the properties.
    public init(lanes: Int = 4, ageing: Duration? = nil) {
        self.lanes = lanes
        self.ageing = ageing
    }
}

// Queues.
extension JobStore {
    /// Makes a queue unless it exists.
    ///
    /// The number of lanes is fixed by whoever comes first.
    ///
    /// - Throws: ``PostgresError``.
    public func ensureQueue(_ name: String, lanes: Int = 4) async throws {
        _ = try await postgres.query(
            Query("queues_ensure", "SELECT ensure_queue(\(name), \(Int32(clamping: lanes)))")
        )
    }

    /// Makes a queue unless it exists, and gives it these options.
    ///
    /// - Throws: ``JobsError`` (`invalidQueue`) for options that can't be, or when the queue exists with another number
    ///   of lanes; ``PostgresError``.
    public func ensureQueue(_ name: String, options: QueueOptions) async throws {
        guard (1...64).contains(options.lanes) else {
            throw JobsError(
                code: .invalidQueue,
                message: "queue \(name): lanes must be 1 to 64, not \(options.lanes)"
            )
        }
        try await ensureQueue(name, lanes: options.lanes)
        let row = try await changeQueue(name, ageing: options.ageing)
        let lanes: Int32 = try row[0]
        guard Int(lanes) == options.lanes else {
            throw JobsError(
                code: .invalidQueue,
                message:
                    "queue \(name) has \(lanes) lanes, and their number is fixed; \(options.lanes) were asked for"
            )
        }
    }

    /// Changes what one step of priority is worth in waiting; nil is any amount.
    ///
    /// It counts for jobs that are enqueued from now on: those that wait keep their places. So once ageing is taken
    /// away, new jobs pass all that were enqueued under it; drain the queue first if that matters.
    ///
    /// - Throws: ``JobsError`` (`unknownQueue`, `invalidQueue`), ``PostgresError``.
    public func setAgeing(_ ageing: Duration?, of queue: String) async throws {
        _ = try await changeQueue(queue, ageing: ageing)
    }

    private func changeQueue(_ name: String, ageing: Duration?) async throws -> Row {
        let milliseconds = ageing.map { $0.microseconds / 1000 }
        guard milliseconds.map({ $0 >= 1 && $0 <= 1_000_000_000_000 }) ?? true else {
            throw JobsError(
                code: .invalidQueue,
                message:
                    "queue \(name): ageing must be from a millisecond to 30 years, not \(ageing ?? .zero)"
            )
        }
        let rows = try await postgres.query(
            Query(
                "queues_change",
                "UPDATE queues SET ageing_ms = \(milliseconds) WHERE name = \(name) RETURNING lanes"
            )
        )
        guard let row = rows.first else {
            throw JobsError(code: .unknownQueue, message: "there is no queue \(name); call ensureQueue first")
        }
        return row
    }
}
