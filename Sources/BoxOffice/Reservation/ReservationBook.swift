internal import EventLog
internal import Jobs
internal import Postgres

/// A reservation's row, locked.
struct ReservationRow: Sendable {
    var id: Int64
    var onSale: Int64
    var admission: Int64
    var tier: String
    var quantity: Int
    var seats: [Int]
    var total: Int64
    var currency: String
    var state: ReservationState
    var expiresAt: PostgresTimestamp
    var holdEndsAt: PostgresTimestamp
    var attempt: Int
    /// The rules of its on-sale.
    var graceSeconds: Int
    var paymentLimit: Int
    /// The transaction's time.
    var now: PostgresTimestamp
}

/// Locks reservations and moves them from state to state, with their seats and their tier's books.
///
/// All transitions go through here: first ``lock(_:in:)``, then a decision about what is now certain, then
/// ``apply(_:in:)``. Because a decision is made under the row's lock, of two that race exactly one finds the state
/// it needs.
enum ReservationBook {
    /// What becomes of one reservation.
    struct Change: Sendable {
        var row: ReservationRow
        var state: ReservationState
        var expiresAt: PostgresTimestamp
        var attempt: Int
        var problem: String?
        /// Where its tickets go.
        var column: TierColumn

        init(_ row: ReservationRow, to state: ReservationState) {
            self.row = row
            self.state = state
            column = state.column
            expiresAt = row.expiresAt
            attempt = row.attempt
        }
    }

    /// Locks the reservations of runs that settle an attempt to pay.
    ///
    /// One for each, in order; nil where the reservation is not paying any more, or is at another attempt.
    static func lockPaying(
        _ attempts: [(run: JobID, attempt: Int)],
        in transaction: inout Transaction
    ) async throws -> [ReservationRow?] {
        let rows = try await lock(attempts.map(\.run.rawValue), in: &transaction)
        return attempts.map { run, attempt in
            guard let row = rows[run.rawValue], row.state == .paying, row.attempt == attempt else {
                return nil
            }
            return row
        }
    }

    /// Locks reservations in the order of their numbers, by the primary key.
    static func lock(
        _ ids: [Int64],
        in transaction: inout Transaction
    ) async throws -> [Int64: ReservationRow] {
        let rows = try await transaction.query(
            Query(
                "reservations.lock",
                """
                SELECT r.id, r.on_sale_id, r.admission_id, r.tier, r.quantity, r.seats, r.total, r.currency, r.state,
                    r.expires_at, r.hold_ends_at, r.attempt, c.grace_seconds, c.payment_limit, usher_now()
                FROM reservations AS r
                JOIN reservation_rules AS c ON c.on_sale_id = r.on_sale_id
                WHERE r.id = ANY (\(ids))
                ORDER BY r.id
                FOR NO KEY UPDATE OF r
                """
            )
        )
        var locked: [Int64: ReservationRow] = [:]
        for row in rows {
            let stateName: String = try row[8]
            guard let state = ReservationState(rawValue: stateName) else { continue }
            let id: Int64 = try row[0]
            locked[id] = ReservationRow(
                id: id,
                onSale: try row[1],
                admission: try row[2],
                tier: try row[3],
                quantity: try row[4],
                seats: try row[5],
                total: try row[6],
                currency: try row[7],
                state: state,
                expiresAt: try row[9],
                holdEndsAt: try row[10],
                attempt: try row[11],
                graceSeconds: try row[12],
                paymentLimit: try row[13],
                now: try row[14]
            )
        }
        return locked
    }

    /// Writes changes to rows that are locked, and after them `more`; the tiers last.
    static func apply(
        _ changes: [Change],
        and more: [Query] = [],
        in transaction: inout Transaction
    ) async throws {
        let statements = try statements(for: changes, and: more)
        if !statements.isEmpty { _ = try await transaction.pipeline(statements) }
    }

    /// Writes a change and commits in the same round trip, so that the tiers' locks, which everybody waits for, are
    /// not held while this process gets around to saying COMMIT.
    static func commit(
        _ change: Change,
        and more: [Query] = [],
        in transaction: inout Transaction
    ) async throws {
        _ = try await transaction.commit(after: try statements(for: [change], and: more))
    }

    private static func statements(for changes: [Change], and more: [Query]) throws -> [Query] {
        guard !changes.isEmpty else { return more }
        var seats = SeatChanges()
        var moves = TierMoves()
        var facts: [FactDraft] = []
        for change in changes where change.state != change.row.state {
            let row = change.row
            let (from, to) = (row.state.column, change.column)
            moves.move(row.quantity, of: TierKey(onSale: row.onSale, tier: row.tier), from: from, to: to)
            seats.add(row.seats, onSale: row.onSale, to: to, owner: row.id)
            if let kind = ReservationFact.Kind(from: row.state, to: change.state) {
                let fact = ReservationFact(row, in: change.state, until: change.expiresAt)
                facts.append(try fact.draft(kind, of: row.onSale))
            }
        }
        return [update(changes)] + seats.statements() + more + FactDraft.append(facts) + moves.statements()
    }

    private static func update(_ changes: [Change]) -> Query {
        Query(
            "reservations.change",
            """
            UPDATE reservations AS r
            SET state = c.state, expires_at = c.expires_at, attempt = c.attempt, problem = c.problem,
                ended_at = CASE WHEN c.state IN ('held', 'paying') THEN NULL ELSE usher_now() END
            FROM unnest(\(changes.map(\.row.id)), \(changes.map(\.state.rawValue)), \(changes.map(\.expiresAt)),
                        \(changes.map(\.attempt)), \(changes.map(\.problem)))
                AS c (id, state, expires_at, attempt, problem)
            WHERE r.id = c.id
            """
        )
    }
}
