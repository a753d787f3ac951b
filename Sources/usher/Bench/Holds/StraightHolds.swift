internal import BoxOffice
internal import Glibc
internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry
internal import Workflows

/// Holds that this process makes itself, without HTTP.
struct StraightHolds: Sendable {
    let schema: BenchSchema
    let sale: BenchSale

    /// How many transactions are under way at a time, as in a gateway.
    private static let committers = 2
    /// How many buyers ask at a time where each has a run.
    private static let buyers = 400

    /// The step that holds, for so many buyers in a transaction: the grant and nothing around it.
    func grant(_ buyers: Range<Int>, batch: Int) async throws -> HoldRun {
        let batches = stride(from: buyers.lowerBound, to: buyers.upperBound, by: batch).map {
            $0..<min($0 + batch, buyers.upperBound)
        }
        return try await measured {
            try await inTurn(Self.committers, of: batches.count) { index, run in
                let members = batches[index].map { buyer in
                    let step = HoldSeats(request: sale.request(buyer, isKeyed: false))
                    return CohortMember(runID: JobID(rawValue: Int64(buyer)), step: step)
                }
                let start = MonotonicTime.now
                let outcomes = try await schema.postgres.withTransaction {
                    try await HoldSeats.perform(members, in: &$0)
                }
                run.latencies.add(microseconds: (MonotonicTime.now - start).nanoseconds / 1000)
                for outcome in outcomes { run.count(outcome) }
            }
        }
    }

    /// Reservations as a gateway starts them: each a durable run from its first byte, with an Idempotency-Key.
    func start(_ buyers: Range<Int>) async throws -> HoldRun {
        try await withStarter { reservations in
            try await measured {
                try await inTurn(Self.buyers, of: buyers.count) { index, run in
                    let request = sale.request(buyers.lowerBound + index, isKeyed: true)
                    let start = MonotonicTime.now
                    let outcome = try await reservations.hold(request)
                    run.latencies.add(microseconds: (MonotonicTime.now - start).nanoseconds / 1000)
                    run.count(outcome)
                }
            }
        }
    }

    private func withStarter<Value: Sendable>(
        _ body: @escaping @Sendable (Reservations) async throws -> Value
    ) async throws -> Value {
        var registry = WorkflowRegistry()
        registry.register(Reservation(payments: NobodyPays()))
        let logger = schema.place.invocation.logger("holds")
        let starter = EagerStarter(postgres: schema.postgres, registry: registry, logger: logger)
        let reservations = Reservations(
            postgres: schema.postgres,
            workflows: WorkflowClient(postgres: schema.postgres),
            starter: starter
        )
        for queue in registry.queues { try await schema.store.ensureQueue(queue) }
        return try await withThrowingTaskGroup { group in
            group.addTask {
                try await starter.run()
                return nil as Value?
            }
            group.addTask {
                defer { starter.close() }
                return try await body(reservations)
            }
            var result: Value?
            while let value = try await group.next() { result = value ?? result }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    /// Does pieces of work with so many tasks, dealt out to them in turn.
    private func inTurn(
        _ tasks: Int,
        of count: Int,
        _ work: @escaping @Sendable (Int, inout HoldRun) async throws -> Void
    ) async throws -> HoldRun {
        try await withThrowingTaskGroup(of: HoldRun.self) { group in
            for first in 0..<min(tasks, count) {
                group.addTask {
                    var run = HoldRun()
                    for index in stride(from: first, to: count, by: tasks) { try await work(index, &run) }
                    return run
                }
            }
            return try await group.reduce(into: HoldRun()) { sum, run in
                sum.held += run.held
                sum.refused += run.refused
                sum.latencies.add(run.latencies)
            }
        }
    }

    private func measured(_ body: () async throws -> HoldRun) async throws -> HoldRun {
        let before = try await schema.place.meter.read()
        let seconds = ProcessTimes.of(getpid())?.own ?? 0
        let start = MonotonicTime.now
        var run = try await body()
        run.seconds = (MonotonicTime.now - start).seconds
        run.usage = try await schema.place.meter.read() - before
        run.clientSeconds = (ProcessTimes.of(getpid())?.own ?? 0) - seconds
        return run
    }
}

extension HoldRun {
    fileprivate mutating func count(_ outcome: HoldOutcome) {
        if case .held = outcome { held += 1 } else { refused += 1 }
    }
}

/// The payments of a bench in which nobody gets as far as to pay.
private struct NobodyPays: PaymentProvider {
    private func refuse() -> Failure { Failure("nobody pays in this bench") }

    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        throw refuse()
    }

    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport { throw refuse() }

    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport { throw refuse() }

    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport { throw refuse() }

    func status(of reference: String) async throws -> PaymentReport? { throw refuse() }
}
