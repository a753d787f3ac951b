import BoxOffice
import Jobs
import Postgres
import Telemetry
import Worker
import Workflows

/// The code of a box office whose provider and mailbox have their books in the same database.
enum ProofOffice {
    /// The queues that its workers serve.
    static let queues = registryQueues.sorted() + MessageTemplate.Channel.allCases.map(Notify.queue(for:))

    private static let registryQueues: Set = [Reservation.queue, VoidPayment.queue, Notify.queue]

    /// All that a reservation can start.
    static func registry(_ postgres: PostgresClient, outside: PostgresClient) -> WorkflowRegistry {
        let provider = BookedProvider(outside: outside)
        var registry = WorkflowRegistry()
        registry.register(Reservation(payments: provider, patience: .milliseconds(200)))
        registry.register(VoidPayment(payments: provider))
        registry.register(RefundReservation(payments: provider, postgres: postgres))
        registry.register(Notify(channel: BookedMailbox(outside: outside)))
        return registry
    }

    /// A worker of all of it.
    static func worker(on postgres: PostgresClient, outside: PostgresClient, logger: Logger) -> JobWorker {
        JobWorker(
            postgres: postgres,
            registry: registry(postgres, outside: outside),
            configuration: ProofActor.configuration(of: queues),
            logger: logger
        )
    }
}

/// A buyer at the counter: what a gateway does for one.
struct ProofBuyer: Sendable {
    /// What a buyer does in one commit.
    enum Act: String, Sendable, CaseIterable {
        case hold, checkout, extend, release
    }

    /// How many tickets they take.
    static let quantity = 2
    /// What they send along with the hold, each time.
    static let key = "one and the same"

    let postgres: PostgresClient
    let starter: EagerStarter
    let reservations: Reservations
    let onSale: OnSaleID
    let admission: AdmissionID

    init(_ postgres: PostgresClient, _ onSale: OnSaleID, _ admission: AdmissionID, logger: Logger) {
        self.postgres = postgres
        self.onSale = onSale
        self.admission = admission
        starter = EagerStarter(
            postgres: postgres,
            registry: ProofOffice.registry(postgres, outside: postgres),
            logger: logger
        )
        reservations = Reservations(
            postgres: postgres,
            workflows: WorkflowClient(postgres: postgres),
            starter: starter
        )
    }

    var request: HoldRequest {
        HoldRequest(
            onSale: onSale,
            admission: admission,
            choice: .best(tier: "floor", quantity: Self.quantity),
            idempotency: IdempotencyKey(key: Self.key, body: [])
        )
    }

    /// Holds tickets, or finds out that it has; the starter has to run.
    func hold() async throws -> ReservationID {
        switch try await reservations.hold(request) {
        case .held(let hold), .repeated(let hold): return hold.reservation
        case let other: throw NotHeld(outcome: other)
        }
    }

    /// Does what is done to a reservation there is.
    func act(_ act: Act, _ id: ReservationID, method: String) async throws {
        switch act {
        case .hold: break
        case .checkout: _ = try await reservations.checkout(id, admission: admission, method: method)
        case .extend: _ = try await reservations.extend(id, admission: admission)
        case .release: try await reservations.release(id, admission: admission)
        }
    }

    struct NotHeld: Error {
        let outcome: HoldOutcome
    }
}
