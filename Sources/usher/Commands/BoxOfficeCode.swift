internal import BoxOffice
internal import Foundation
internal import Postgres
internal import Telemetry
internal import Workflows

/// The box office's workflows with what they depend on: the same in workers and gateways.
enum BoxOfficeCode {
    /// Registers everything.
    static func registry(_ invocation: Invocation, _ postgres: PostgresClient) throws -> WorkflowRegistry {
        let payments = try payments(invocation.arguments)
        var registry = WorkflowRegistry()
        registry.register(OnSaleLifecycle())
        let orders = DrawOrders()
        registry.register(AdmissionTick(orders: orders))
        registry.register(TellEveryone(orders: orders))
        registry.register(Reservation(payments: payments))
        registry.register(VoidPayment(payments: payments))
        registry.register(RefundReservation(payments: payments, postgres: postgres))
        registry.register(ArchiveOrders(postgres: postgres))
        registry.register(Notify(channel: try MessageOptions.channel(invocation, postgres)))
        let caches = try PageCacheOptions.caches(invocation.arguments)
        registry.register(RenderPages(postgres: postgres, caches: caches))
        registry.register(
            PurgePages(postgres: postgres, caches: caches, logger: invocation.logger("purges"))
        )
        let starter = EagerStarter(
            postgres: postgres,
            registry: registry,
            logger: invocation.logger("starter")
        )
        let reservations = Reservations(
            postgres: postgres,
            workflows: WorkflowClient(postgres: postgres),
            starter: starter
        )
        registry.register(CancelReservations(reservations: reservations))
        registry.register(RehearsalJob(postgres: postgres, logger: invocation.logger("rehearsal")))
        return registry
    }

    private static func payments(_ arguments: Arguments) throws -> HTTPPaymentProvider {
        let text = arguments.text(.paymentsURL) ?? ""
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host() != nil else {
            throw Failure("--payments-url takes an http or https URL, not \"\(text)\"")
        }
        return HTTPPaymentProvider(base: url, apiKey: arguments.text(.paymentsKey) ?? "")
    }
}
