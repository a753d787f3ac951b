import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Worker
import Workflows

@testable import BoxOffice

/// A house with an engine that works: what a gateway, workers and a scheduler are in a real set-up.
struct BoxOfficeAtWork: Sendable {
    static let callbackSecret = "callback"

    let house: House
    let provider: ScriptedProvider
    let reservations: Reservations
    let callbacks: PaymentCallbacks
    let workflows: WorkflowClient
    let mail: Mailbox

    var client: PostgresClient { house.client }

    func hold(_ request: HoldRequest) async throws -> Hold? {
        try await reservations.hold(request).hold
    }

    /// Waits until a reservation is in a state; the server does the waiting.
    func reached(_ state: ReservationState, _ hold: Hold) async throws {
        try await eventually("\(hold.reservation) is \(state)") {
            try await house.state(hold.reservation) == state
        }
    }

    func payment(_ hold: Hold, attempt: Int = 1) async throws -> String? {
        let rows = try await client.query(
            Query(
                "test.payment",
                """
                SELECT state FROM payments
                WHERE reservation_id = \(hold.reservation.rawValue) AND attempt = \(attempt)
                """
            )
        )
        return try rows.first.map { try $0[0] }
    }

    func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
        for _ in 0..<3_000 {
            if try await holds() { return }
            _ = try await client.query(Query("test.pause", "SELECT pg_sleep(0.005)"))
        }
        throw NeverHappened(what: what)
    }

    /// Sends a callback as the provider would.
    func callback(_ report: PaymentReport) async throws -> PaymentCallbacks.Outcome {
        let text = """
            {"reference":"\(report.reference)","id":"\(report.providerReference)","state":"\(report.state.rawValue)"}
            """
        let body = Array(text.utf8)
        let seconds = PostgresTimestamp.now.microseconds / 1_000_000
        let header = WebhookSignature(secret: Self.callbackSecret).sign(body, at: seconds)
        return try await callbacks.handle(body, signature: header)
    }

    /// Everything the audit of stock finds.
    func offenders() async throws -> [String] {
        var offenders: [String] = []
        for check in StockAudit.checks { offenders += try await check.offenders(in: client) }
        return offenders
    }
}

struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    var description: String { "it never happened that \(what)" }
}

/// Keeps what was delivered.
final class Mailbox: NotificationChannel {
    private let messages = Lock<[OutgoingMessage]>([])

    var delivered: [OutgoingMessage] { messages.withLock { $0 } }

    func deliver(_ message: OutgoingMessage) async throws {
        messages.withLock { $0.append(message) }
    }
}

/// Runs `body` with a house whose reservations are worked on.
func withBoxOffice<Value: Sendable>(
    standing: Int = 100,
    rows: [Int] = [10, 10],
    buyers: Int = 50,
    rules: (inout Plan.ReservationRules) -> Void = { _ in },
    _ body: (BoxOfficeAtWork) async throws -> Value
) async throws -> Value {
    try await withHouse(standing: standing, rows: rows, buyers: buyers, connections: 10, rules: rules) {
        try await withBoxOffice(in: $0, body)
    }
}

/// Runs `body` with somebody who works on the reservations of a house, by a clock that runs.
func withBoxOffice<Value: Sendable>(
    in house: House,
    _ body: (BoxOfficeAtWork) async throws -> Value
) async throws -> Value {
    try await house.client.startClock()
    let logger = Logger(label: "test", level: .error)
    let (provider, mail) = (ScriptedProvider(), Mailbox())
    let workflows = WorkflowClient(postgres: house.client)
    var eager = WorkflowRegistry()
    eager.register(Reservation(payments: provider))
    let starter = EagerStarter(postgres: house.client, registry: eager, logger: logger)
    let reservations = Reservations(postgres: house.client, workflows: workflows, starter: starter)
    var registry = WorkflowRegistry()
    registry.register(Reservation(payments: provider, patience: .milliseconds(50)))
    registry.register(VoidPayment(payments: provider))
    registry.register(RefundReservation(payments: provider, postgres: house.client))
    registry.register(CancelReservations(reservations: reservations))
    registry.register(Notify(channel: mail))
    let channels = MessageTemplate.Channel.allCases.map(Notify.queue(for:))
    for queue in channels { try await JobStore(postgres: house.client).ensureQueue(queue) }
    let worker = JobWorker(
        postgres: house.client,
        registry: registry,
        configuration: WorkerConfiguration(
            queues: registry.queues.sorted() + channels,
            capacity: 64,
            pollInterval: .milliseconds(20)
        ),
        logger: logger
    )
    let scheduler = JobScheduler(
        postgres: house.client,
        name: "test",
        configuration: SchedulerConfiguration(promoteInterval: .milliseconds(10)),
        logger: logger
    )
    let office = BoxOfficeAtWork(
        house: house,
        provider: provider,
        reservations: reservations,
        callbacks: PaymentCallbacks(
            postgres: house.client,
            workflows: workflows,
            secret: BoxOfficeAtWork.callbackSecret
        ),
        workflows: workflows,
        mail: mail
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await starter.run() }
        group.addTask { await scheduler.run() }
        let answer: Result<Value, any Error>
        do {
            answer = .success(try await body(office))
        } catch {
            answer = .failure(error)
        }
        worker.stop()
        scheduler.stop()
        starter.close()
        try await group.waitForAll()
        return try answer.get()
    }
}
