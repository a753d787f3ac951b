package import Postgres
internal import Reactor
internal import Synchronization
package import Telemetry

/// Works for consumers in one process: keeps their leases, reads the log up to its horizon, tells them and moves on.
///
/// Any number of processes may run it; each takes its share of the parts. A part whose consumer fails is tried again, later
/// and later, and no fact of it is passed over.
package final class ConsumerRunner: Sendable {
    /// How often and how much.
    package struct Configuration: Sendable {
        /// How long a member that died is waited for.
        package var lease = Duration.seconds(10)
        /// The pause after a look at the log that found nothing.
        package var pause = Duration.milliseconds(100)
        /// The most facts that a consumer is told at a time.
        package var batch = 500
        /// The longest pause after failures in a row.
        package var longestPause = Duration.seconds(30)
        /// Is called when a position was written, a part failed, or parts were given back: what tests wait for.
        package var whenMoved: (@Sendable () -> Void)?

        package init() {}
    }

    /// A part that this process works on.
    private struct Work {
        var part: FactCursors.Part
        /// As far as the table knows.
        var written: Int64
        var writtenAt: MonotonicTime
        var notBefore: MonotonicTime?
        /// Whether the log still has what it is to be told next.
        var isWhole = false
    }

    private let postgres: PostgresClient
    private let consumers: [any FactConsumer]
    private let member: String
    private let configuration: Configuration
    private let logger: Logger
    private let stopping = Atomic<Bool>(false)
    /// How far a part may read before another has its turn.
    private static let pages = 8

    /// - Parameters:
    ///   - postgres: The schema with the log.
    ///   - consumers: Whom to tell.
    ///   - member: Unique among the processes that run consumers.
    ///   - configuration: How often and how much.
    ///   - logger: Is told of failures.
    package init(
        postgres: PostgresClient,
        consumers: [any FactConsumer],
        member: String,
        configuration: Configuration = Configuration(),
        logger: Logger
    ) {
        self.postgres = postgres
        self.consumers = consumers
        self.member = member
        self.configuration = configuration
        self.logger = logger
    }

    /// Lets ``run()`` end after what is under way.
    package func stop() { stopping.store(true, ordering: .relaxed) }

    private var isOver: Bool { stopping.load(ordering: .relaxed) || Task.isCancelled }

    /// Works until ``stop()`` or cancellation; each consumer by itself, so that none waits for another.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for consumer in consumers { group.addTask { [self] in await work(for: consumer) } }
        }
    }

    private func work(for consumer: any FactConsumer) async {
        let cursors = FactCursors(postgres: postgres)
        let log = FactLog(postgres: postgres)
        var horizon = FactHorizon()
        var works: [Int: Work] = [:]
        var assignedAt: MonotonicTime?
        var isRegistered = false
        /// The part that comes last next time, so that a busy one keeps no other from its turn.
        var latest = -1
        while !isOver {
            do {
                if !isRegistered {
                    try await cursors.register(consumer.name, parts: consumer.parts)
                    isRegistered = true
                }
                let renewal = configuration.lease / 3
                if assignedAt.map({ MonotonicTime.now - $0 >= renewal }) ?? true {
                    take(
                        try await cursors.assign(consumer.name, to: member, lease: configuration.lease),
                        into: &works
                    )
                    assignedAt = .now
                }
                horizon.take(try await log.sample())
                var moved = false
                let order = works.keys.sorted { ($0 <= latest ? 1 : 0, $0) < ($1 <= latest ? 1 : 0, $1) }
                for number in order {
                    // Leases are kept while parts are worked on.
                    if let at = assignedAt, MonotonicTime.now - at >= renewal { break }
                    latest = number
                    if try await advance(number, of: consumer, &works, to: horizon.final, cursors, log) {
                        moved = true
                    }
                }
                if !moved { await pause(configuration.pause) }
            } catch {
                guard !isOver else { break }
                logger.warning("a consumer has to wait", ["consumer": consumer.name, "error": "\(error)"])
                (works, assignedAt) = ([:], nil)
                await pause(.seconds(1))
            }
        }
        // What can't be given back is free when its lease ends.
        try? await cursors.leave(consumer.name, member: member)
        configuration.whenMoved?()
    }

    private func pause(_ duration: Duration) async { try? await Task.sleep(for: duration) }

    /// Goes on with parts that are still the same's, and begins with those that are new.
    private func take(_ parts: [FactCursors.Part], into works: inout [Int: Work]) {
        var taken: [Int: Work] = [:]
        for part in parts {
            if let known = works[part.number], known.part.epoch == part.epoch {
                taken[part.number] = known
            } else {
                taken[part.number] = Work(part: part, written: part.position, writtenAt: .now)
            }
        }
        works = taken
    }

    /// Tells a consumer what is new in one of its parts.
    ///
    /// - Returns: Whether there was anything.
    private func advance(
        _ number: Int,
        of consumer: any FactConsumer,
        _ works: inout [Int: Work],
        to final: Int64,
        _ cursors: FactCursors,
        _ log: FactLog
    ) async throws -> Bool {
        guard var work = works[number], work.notBefore.map({ $0 <= .now }) ?? true else { return false }
        let before = work.part.position
        do {
            for _ in 0..<Self.pages where work.part.position < final && !isOver {
                let isKept = try await step(&work, of: consumer, to: final, log)
                guard isKept else {
                    works[number] = nil
                    return true
                }
            }
            if try await !settle(&work, of: consumer) {
                works[number] = nil
                return true
            }
            work.notBefore = nil
            works[number] = work
            return work.part.position > before
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.warning(
                "a consumer failed",
                [
                    "consumer": consumer.name, "part": "\(number)", "after": "\(work.part.position)",
                    "error": "\(error)",
                ]
            )
            guard let failures = try await cursors.fail(work.part, of: consumer.name, "\(error)") else {
                works[number] = nil
                return true
            }
            configuration.whenMoved?()
            let pause = min(configuration.pause * (1 << min(failures, 12)), configuration.longestPause)
            work.notBefore = .now + pause
            works[number] = work
            return false
        }
    }

    /// Writes a position that moved over what was nothing to the consumer, once a second.
    ///
    /// - Returns: False when somebody else has the part by now.
    private func settle(_ work: inout Work, of consumer: any FactConsumer) async throws -> Bool {
        guard work.part.position > work.written, MonotonicTime.now - work.writtenAt >= .seconds(1) else {
            return true
        }
        let isKept = try await FactCursors.move(
            work.part,
            of: consumer.name,
            to: work.part.position,
            in: postgres
        )
        note(&work)
        return isKept
    }

    /// Tells one page.
    ///
    /// - Returns: False when somebody else has the part by now.
    private func step(
        _ work: inout Work,
        of consumer: any FactConsumer,
        to final: Int64,
        _ log: FactLog
    ) async throws -> Bool {
        if !work.isWhole { try await checkStart(work.part.position, log) }
        work.isWhole = true
        let facts = try await log.page(
            after: work.part.position,
            through: final,
            part: (work.part.number, consumer.parts),
            limit: configuration.batch
        )
        let next = facts.count == configuration.batch ? (facts.last?.seq ?? final) : final
        let wanted = consumer.kinds.map { kinds in facts.filter { kinds.contains($0.kind) } } ?? facts
        // Where there was nothing for it, the table need not know at once.
        guard !wanted.isEmpty else {
            work.part.position = next
            return true
        }
        try await consumer.deliver(wanted)
        let part = work.part
        let isKept = try await postgres.withTransaction { transaction in
            guard try await FactCursors.move(part, of: consumer.name, to: next, in: transaction) else {
                return false
            }
            try await consumer.apply(wanted, in: &transaction)
            return true
        }
        work.part.position = next
        note(&work)
        return isKept
    }

    /// The table knows of the position by now.
    private func note(_ work: inout Work) {
        (work.written, work.writtenAt) = (work.part.position, .now)
        configuration.whenMoved?()
    }

    /// - Throws: ``FactCursors/Refusal`` when facts were dropped that the consumer has not been told.
    private func checkStart(_ position: Int64, _ log: FactLog) async throws {
        let start = try await log.start()
        guard position >= start else {
            throw FactCursors.Refusal(
                description:
                    "facts \(position + 1) to \(start) are gone by retention before they were told: replay it from what there is"
            )
        }
    }
}
