internal import BoxOffice
internal import Jobs
internal import Postgres
internal import Telemetry
internal import Workflows

/// The box office of a rehearsal: the code of the real one, with a provider and a channel that answer at once.
struct RehearsalHouse: Sendable {
    let engine: RehearsalEngine
    let onSales: OnSales
    let presale: Presale
    let joins: Joins
    let places: Places
    let admissions: Admissions
    let reservations: Reservations
    let orders: DrawOrders

    init(_ postgres: PostgresClient, logger: Logger) async throws {
        let orders = DrawOrders()
        var registry = WorkflowRegistry()
        registry.register(OnSaleLifecycle())
        registry.register(AdmissionTick(orders: orders))
        registry.register(TellEveryone(orders: orders))
        registry.register(Reservation(payments: AgreeableProvider()))
        registry.register(VoidPayment(payments: AgreeableProvider()))
        registry.register(RefundReservation(payments: AgreeableProvider(), postgres: postgres))
        registry.register(Notify(channel: SilentChannel()))
        engine = try await RehearsalEngine(postgres, registry, logger: logger)
        self.orders = orders
        onSales = OnSales(postgres: postgres)
        presale = Presale(postgres: postgres)
        joins = Joins(postgres: postgres)
        places = Places(postgres: postgres, orders: orders)
        admissions = Admissions(postgres: postgres, orders: orders)
        reservations = Reservations(postgres: postgres, workflows: engine.client, starter: engine.starter)
    }
}

/// A payment provider that says yes at once.
private struct AgreeableProvider: PaymentProvider {
    private func report(_ reference: String, _ state: PaymentReport.State) -> PaymentReport {
        PaymentReport(reference: reference, providerReference: reference, state: state)
    }

    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        report(request.reference, .authorised)
    }

    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .captured)
    }

    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .voided)
    }

    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .refunded)
    }

    func status(of reference: String) async throws -> PaymentReport? { report(reference, .authorised) }
}

/// Nobody is told anything.
private struct SilentChannel: NotificationChannel {
    func deliver(_ message: OutgoingMessage) async throws {}
}
