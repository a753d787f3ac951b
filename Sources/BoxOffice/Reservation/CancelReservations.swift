internal import Jobs
internal import Postgres
package import Workflows

/// Ends all reservations of an on-sale that was cancelled: holds are let go of, sold ones are refunded, and
/// those that are being paid are waited for.
///
/// The admission must be closed before, so that no holds follow.
package struct CancelReservations: Workflow {
    package static let name = "cancel_reservations"

    private static let page = 200

    /// Where the walk through the reservations is.
    package struct Input: Sendable, Codable {
        package var onSale: OnSaleID
        /// Everything up to this one has been dealt with in this round.
        var after: Int64 = 0
        /// How many of this round must be looked at again.
        var unfinished = 0

        package init(onSale: OnSaleID) {
            self.onSale = onSale
        }
    }

    let reservations: Reservations

    package init(reservations: Reservations) {
        self.reservations = reservations
    }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Int {
        let batch = try await context.step("page") { transaction in
            try await Self.read(input, in: &transaction)
        }
        let held = batch.filter { $0.state == .held }.map(\.id)
        let reservations = reservations
        if !held.isEmpty {
            // Idempotent by itself: what is let go of is not held in the next round.
            _ = try await context.effect("release", retry: .default) { _ in
                try await reservations.releaseHeld(held)
            }
        }
        for sold in batch where sold.state == .sold {
            _ = try await context.start(RefundReservation.self, sold.id, key: RefundReservation.key(sold.id))
        }
        var next = input
        next.unfinished += batch.count { $0.state.isLive }
        if let last = batch.last, batch.count == Self.page {
            next.after = last.id.rawValue
            try context.continueAsNew(next)
        }
        if next.unfinished > 0 { try context.continueAsNew(Input(onSale: input.onSale), after: .seconds(2)) }
        return 0
    }

    private struct Entry: Sendable, Codable {
        var id: ReservationID
        var state: ReservationState
    }

    /// Uses `reservations_by_admission` for the on-sale.
    private static func read(_ input: Input, in transaction: inout Transaction) async throws -> [Entry] {
        let rows = try await transaction.query(
            Query(
                "cancel.page",
                """
                SELECT id, state FROM reservations
                WHERE on_sale_id = \(input.onSale.rawValue) AND id > \(input.after)
                    AND state IN ('held', 'paying', 'sold')
                ORDER BY id LIMIT \(page)
                """
            )
        )
        return try rows.compactMap { row in
            let (id, name): (Int64, String) = (try row[0], try row[1])
            return ReservationState(rawValue: name).map { Entry(id: ReservationID(rawValue: id), state: $0) }
        }
    }
}
