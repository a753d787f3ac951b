internal import Postgres
internal import Jobs
internal import Workflows

extension Reservations {
    /// Starts to pay: `held → paying`, and the run goes on with the provider.
    ///
    /// `method`: the provider's token for what the buyer pays with.
    /// Gives back the reservation, `paying`; if it was already, as it is.
    /// Throws ``Refusal``.
    package func checkout(
        _ id: ReservationID,
        admission: AdmissionID,
        method: String
    ) async throws -> ReservationView {
        let view = try await get(id, admission: admission)
        // A second click finds the first one's payment.
        if view.state == .paying || view.state == .sold { return view }
        guard view.state == .held else { throw Refusal.wrongState(view.state) }
        guard let plan = try await plan(view, method: method) else { throw Refusal.unknown }
        let change = try await postgres.withTransaction { transaction in
            try await begin(plan, view, in: &transaction)
        }
        workflows.store.wake([Reservation.queue])
        var paying = view
        paying.state = .paying
        paying.expiresAt = change.expiresAt
        paying.paymentsLeft = max(0, view.paymentsLeft - 1)
        paying.problem = nil
        return paying
    }

    private func begin(
        _ checkout: Checkout,
        _ view: ReservationView,
        in transaction: inout Transaction
    ) async throws -> ReservationBook.Change {
        let run = JobID(rawValue: view.id.rawValue)
        let event = Reservation.checkout.numbered(checkout.attempt)
        let delivery = try await workflows.send(event, checkout, to: run, in: &transaction)
        if case .duplicate = delivery { throw Refusal.inProgress }
        guard let row = try await ReservationBook.lock([view.id.rawValue], in: &transaction)[view.id.rawValue]
        else {
            throw Refusal.unknown
        }
        guard row.state == .held else { throw Refusal.wrongState(row.state) }
        guard row.expiresAt > row.now else { throw Refusal.tooLate }
        guard row.attempt + 1 == checkout.attempt else { throw Refusal.inProgress }
        guard row.attempt < row.paymentLimit else { throw Refusal.limitReached }
        var change = ReservationBook.Change(row, to: .paying)
        change.expiresAt = checkout.deadline
        change.attempt = checkout.attempt
        try await ReservationBook.commit(change, and: [Self.insert(checkout, row)], in: &transaction)
        return change
    }

    /// What will be paid, until when, and the number of the attempt: read before the transaction, because the
    /// run must be told first in it.
    ///
    /// Under the row's lock it is looked at again.
    private func plan(_ view: ReservationView, method: String) async throws -> Checkout? {
        let rows = try await postgres.query(
            Query(
                "reservations.checkout_plan",
                """
                SELECT r.attempt + 1, usher_now() + make_interval(secs => c.payment_seconds)
                FROM reservations AS r
                JOIN reservation_rules AS c ON c.on_sale_id = r.on_sale_id
                WHERE r.id = \(view.id.rawValue)
                """
            )
        )
        guard let row = rows.first else { return nil }
        let attempt: Int = try row[0]
        let reference = PaymentReference(reservation: view.id, attempt: attempt)
        return Checkout(
            attempt: attempt,
            request: PaymentRequest(
                reference: reference.text,
                amount: view.total,
                currency: view.currency,
                method: method
            ),
            deadline: try row[1]
        )
    }

    /// The attempt's row, before the provider is asked: see `payments`.
    private static func insert(_ checkout: Checkout, _ row: ReservationRow) -> Query {
        Query(
            "payments.insert",
            """
            INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                created_at, updated_at)
            VALUES (\(row.id), \(checkout.attempt), \(row.onSale), \(checkout.request.reference),
                \(checkout.request.method), \(checkout.request.amount), \(checkout.request.currency), 'unknown',
                usher_now(), usher_now())
            """
        )
    }
}
