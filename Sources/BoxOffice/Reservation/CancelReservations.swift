internal import Jobs
internal import Postgres
package import Workflows

/// Ends all reservations of an on-sale that was cancelled: holds are let go of, sold ones are refunded, and
/// those that are being paid are waited for.
///
/// The admission must be closed before, so that no holds follow.
package struct CancelReservations: Workflow {
    package static let name = "cancel_reservations"

    private static let pageSize = 200

    /// Where the walk through the reservations is.
    package struct Input: Sendable, Codable {
        package var onSale: OnSaleID
        /// Everything up to this one has been dealt with in this round.
        var passed = Position(admission: 0, reservation: 0)
        /// How many of this round must be looked at again.
        var unfinished = 0

        package init(onSale: OnSaleID) {
            self.onSale = onSale
        }
    }

    /// Where a reservation stands among those of its on-sale: in the order of their index.
    struct Position: Sendable, Codable {
        var admission: Int64
        var reservation: Int64
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
        if let last = batch.last, batch.count == Self.pageSize {
            next.passed = Position(admission: last.admission, reservation: last.id.rawValue)
            try context.continueAsNew(next)
        }
        if next.unfinished > 0 { try context.continueAsNew(Input(onSale: input.onSale), after: .seconds(2)) }
        return 0
    }

    private struct Entry: Sendable, Codable {
        var id: ReservationID
        var admission: Int64
        var state: ReservationState
    }

    private static func read(_ input: Input, in transaction: inout Transaction) async throws -> [Entry] {
        try await transaction.query(page(input)).compactMap { row in
            let (id, name): (Int64, String) = (try row[0], try row[2])
            let admission: Int64 = try row[1]
            return ReservationState(rawValue: name).map {
                Entry(id: ReservationID(rawValue: id), admission: admission, state: $0)
            }
        }
    }

    /// Walks along `reservations_by_admission`, so that a page reads no more than its part of the on-sale.
    static func page(_ input: Input) -> Query {
        Query(
            "cancel.page",
            """
            SELECT id, admission_id, state FROM reservations
            WHERE on_sale_id = \(input.onSale.rawValue)
                AND (admission_id, id) > (\(input.passed.admission), \(input.passed.reservation))
                AND state IN ('held', 'paying', 'sold')
            ORDER BY admission_id, id LIMIT \(pageSize)
            """
        )
    }
}
