internal import Glibc
package import Postgres
internal import Reactor
package import Telemetry

/// Reads the log of facts from the server's own log, by logical decoding, and passes each fact on in the order of the log.
///
/// What is told is remembered in a cursor of the log's consumers, and only then does the server hear that it need not send
/// it again. So after any end nothing is missed, and at most what was told last is told again.
package final class FactCapture: Sendable {
    /// How to capture.
    package struct Settings: Sendable {
        /// The consumer's name, by which its position is kept.
        package var name: String
        /// The slot's name; nil is one of the schema's and the consumer's names.
        package var slot: String?
        /// How many bytes of its log the server may keep because of the slot; nil is as many as it takes.
        package var mostRetained: Int64?
        /// How many bytes of facts may wait here; beyond that they are read from the log's table.
        package var windowBytes = 16 << 20
        /// How many facts are passed on at once.
        package var batch = 500
        /// Is called whenever the report changed: what tests wait for.
        package var whenReported: (@Sendable () -> Void)?

        /// Makes settings.
        package init(name: String, slot: String? = nil, mostRetained: Int64? = nil) {
            self.name = name
            self.slot = slot
            self.mostRetained = mostRetained
        }
    }

    /// How far a capture has come.
    package struct Report: Sendable, Equatable {
        /// All facts up to this number were told.
        package var told: Int64 = 0
        /// Facts told since it began.
        package var count: Int64 = 0
        /// Bytes of the server's log that were written since what the server need not send again.
        package var behindBytes: Int64 = 0
        /// The age of the oldest change that came and was not told.
        package var behind: Duration = .zero
        /// Bytes of its log that the server keeps because of the slot.
        package var retained: Int64 = 0
    }

    private static let longestBackoff = Duration.seconds(5)

    let postgres: PostgresClient
    let schema: String
    let settings: Settings
    /// The slot and the publication.
    package let slot: CaptureSlot
    let sink: any FactSink
    let logger: Logger
    private let latest = Lock(Report())

    /// Makes a capture; nothing happens yet.
    ///
    /// - Parameters:
    ///   - postgres: The database, with three connections or more; past a pooler for the stream.
    ///   - schema: Where the log is.
    ///   - settings: How to capture.
    ///   - sink: Where facts go.
    ///   - logger: Hears of breaks.
    package init(
        postgres: PostgresClient,
        schema: String,
        settings: Settings,
        sink: any FactSink,
        logger: Logger = Logger(label: "capture")
    ) {
        self.postgres = postgres
        self.schema = schema
        self.settings = settings
        self.sink = sink
        self.logger = logger
        slot = CaptureSlot(
            postgres: postgres,
            name: settings.slot ?? Self.slotName(schema: schema, consumer: settings.name),
            publication: "usher_facts_\(schema)"
        )
    }

    /// A name that a slot may have: lower-case letters, digits and underscores, at most 63 of them.
    package static func slotName(schema: String, consumer: String) -> String {
        let name = "usher_facts_\(schema)_\(consumer)".lowercased().map { character in
            character.isASCII && (character.isLetter || character.isNumber) ? character : "_"
        }
        return String(String(name).prefix(63))
    }

    /// How far it has come.
    package var report: Report { latest.withLock { $0 } }

    func report(_ change: @Sendable (inout Report) -> Void) {
        latest.withLock { change(&$0) }
        settings.whenReported?()
    }

    /// Captures until the task is cancelled, through restarts of the server and breaks of the connection.
    ///
    /// The first time, it begins with the oldest fact that the log has.
    ///
    /// - Parameter resyncs: Whether to go on from a new slot, with what the log has.
    /// - Throws: ``CaptureProblem``, what the sink threw, or `PostgresError` for what doesn't pass by itself.
    package func run(resyncs: Bool = false) async throws {
        var resyncs = resyncs
        var backoff = Duration.milliseconds(50)
        while true {
            let count = report.count
            do {
                try await prepare(resyncs: resyncs)
                resyncs = false
                try await CaptureSession.run(self)
            } catch let problem as CaptureProblem {
                if case .tooMuchRetained = problem { try await slot.drop() }
                guard problem.isPassing else { throw problem }
                logger.warning("begins anew", ["reason": "\(problem)"])
            } catch let error as PostgresError {
                guard !Task.isCancelled else { throw CancellationError() }
                // Slots follow publications through time: it has to be older than what is read.
                if error.sqlState == .undefinedObject, error.message.contains("publication") {
                    throw CaptureProblem.publicationUnfit(
                        slot.publication,
                        reason: "\(error.message) where the slot goes on: start once with --resync"
                    )
                }
                guard Self.isPassing(error) else { throw error }
                logger.warning("lost the server's log, and begins anew", ["reason": "\(error)"])
            }
            if report.count > count { backoff = .milliseconds(50) }
            try await Task.sleep(for: backoff)
            backoff = min(backoff * 2, Self.longestBackoff)
        }
    }

    /// Drops the slot, the position, and the publication unless another slot may read it.
    ///
    /// - Throws: `PostgresError`.
    package func remove() async throws {
        try await slot.drop()
        try await CaptureCursor.remove(settings.name, in: postgres)
        let others = try await postgres.query(
            Query(
                "capture.others",
                """
                SELECT FROM pg_replication_slots s
                WHERE s.database = current_database() AND s.plugin = 'pgoutput'
                """
            )
        )
        if others.isEmpty { try await slot.unpublish() }
    }

    /// Sees to publication, slot and cursor.
    private func prepare(resyncs: Bool) async throws {
        let log = FactLog(postgres: postgres)
        let told = try await CaptureCursor.find(settings.name, in: postgres)
        // The publication must be older than the slot: what is decoded is decoded as of its time.
        try await slot.publish(schema: schema)
        let start = max(0, try await log.start())
        if resyncs {
            try await slot.drop()
            try await slot.make()
            logger.info("reads from a new slot", ["slot": slot.name, "told": told ?? start])
        } else if let state = try await slot.state() {
            try await slot.check(state, told: told ?? start)
        } else {
            if let told { throw CaptureProblem.slotMissing(slot.name, told: told) }
            try await slot.make()
            logger.info("reads from a new slot", ["slot": slot.name])
        }
        guard let told else {
            return try await CaptureCursor.make(settings.name, at: start, in: postgres)
        }
        guard told < start else { return }
        guard resyncs else { throw CaptureProblem.factsDropped(after: told, through: start) }
        logger.warning("facts were dropped before they were told", ["after": told, "through": start])
        try await CaptureCursor.skip(settings.name, to: start, in: postgres)
    }

    /// Whether the same may work later.
    private static func isPassing(_ error: PostgresError) -> Bool {
        switch error.code {
        case .connection, .poolTimeout, .commitUnknown, .rolledBack: return true
        case .server:
            guard let state = error.sqlState else { return false }
            let states: [SQLState] = [
                .objectInUse, .objectNotInPrerequisiteState, .serializationFailure, .deadlockDetected,
                .lockNotAvailable, .queryCanceled,
            ]
            // 53 is a lack of something, 57 an operator's doing, 58 the system's.
            return states.contains(state) || ["53", "57", "58"].contains(state.classCode)
        default: return false
        }
    }
}
