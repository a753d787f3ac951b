internal import Postgres

/// Where an on-sale stands after a step of its lifecycle.
struct OnSaleProgress: Codable, Sendable {
    let state: OnSaleState
    let revision: Int
    /// When to look again; nil when nothing is left to do.
    let next: PostgresTimestamp?
    /// Whether this step made the draw.
    let drawn: Bool

    /// Makes the one transition that is due, if any.
    static func advance(_ id: OnSaleID, in tx: inout Transaction) async throws -> OnSaleProgress {
        let gate = try await OnSaleGate.lock(id, in: &tx)
        func progress(
            _ state: OnSaleState,
            next: PostgresTimestamp?,
            drawn: Bool = false
        ) -> OnSaleProgress {
            OnSaleProgress(state: state, revision: gate.revision, next: next, drawn: drawn)
        }
        switch gate.state {
        case .scheduled where gate.now < gate.opensAt:
            return progress(.scheduled, next: gate.opensAt)
        case .scheduled:
            try await tx.pipeline(open(id))
            return progress(.prequeue, next: gate.startsAt)
        case .prequeue where gate.now < gate.startsAt:
            return progress(.prequeue, next: gate.startsAt)
        case .prequeue where gate.entries == nil:
            try await Sealing.seal(id, in: &tx)
            return progress(.prequeue, next: gate.now)
        case .prequeue:
            try await Sealing.draw(id, in: &tx)
            return progress(.admitting, next: gate.closesAt, drawn: true)
        case .admitting where gate.now < gate.closesAt, .soldOut where gate.now < gate.closesAt:
            return progress(gate.state, next: gate.closesAt)
        case .admitting, .soldOut:
            try await tx.pipeline(close(id))
            return progress(.closed, next: nil)
        case .closed, .cancelled:
            return progress(gate.state, next: nil)
        }
    }

    private static func open(_ id: OnSaleID) -> [Query] {
        [
            Query(
                "on_sale.open",
                "UPDATE on_sales SET state = 'prequeue', seq = seq + 1 WHERE on_sale_id = \(id.rawValue)"
            ),
            Query("on_sale.open_door", "UPDATE arrivals SET door = 'open' WHERE on_sale_id = \(id.rawValue)"),
        ]
    }

    private static func close(_ id: OnSaleID) -> [Query] {
        [
            Query(
                "on_sale.close",
                """
                UPDATE on_sales SET state = 'closed', paused_at = NULL, seq = seq + 1, admission_note = 'closed'
                WHERE on_sale_id = \(id.rawValue)
                """
            ),
            Query(
                "on_sale.shut_door",
                "UPDATE arrivals SET door = 'closed' WHERE on_sale_id = \(id.rawValue)"
            ),
        ]
    }
}
