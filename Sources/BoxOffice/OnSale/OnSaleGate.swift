internal import Postgres

/// An on-sale's row, locked: admissions, ticks and changes of rules take turns here.
struct OnSaleGate: Sendable {
    let id: OnSaleID
    let state: OnSaleState
    let pausedAt: PostgresTimestamp?
    let revision: Int
    let serving: Int64
    let ratePerMinute: Int
    let activeLimit: Int
    let turnSeconds: Int
    let sessionSeconds: Int
    let carry: Double
    let noShow: Double
    let tickedAt: PostgresTimestamp?
    let opensAt: PostgresTimestamp
    let startsAt: PostgresTimestamp
    let closesAt: PostgresTimestamp
    let entries: Int64?
    let drawKey: [UInt8]?
    let now: PostgresTimestamp

    /// Locks the row until the transaction ends.
    ///
    /// Uses the primary key.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    static func lock(_ id: OnSaleID, in tx: inout Transaction) async throws -> OnSaleGate {
        let row = try await tx.first(
            Query(
                "on_sale.lock",
                """
                SELECT state, paused_at, revision, serving, rate_per_minute, active_limit, turn_seconds,
                    session_seconds, carry, no_show, ticked_at, opens_at, starts_at, closes_at, entries, draw_key,
                    usher_now()
                FROM on_sales WHERE on_sale_id = \(id.rawValue) FOR NO KEY UPDATE
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return OnSaleGate(
            id: id,
            state: try row[0],
            pausedAt: try row[1],
            revision: try row[2],
            serving: try row[3],
            ratePerMinute: try row[4],
            activeLimit: try row[5],
            turnSeconds: try row[6],
            sessionSeconds: try row[7],
            carry: try row[8],
            noShow: try row[9],
            tickedAt: try row[10],
            opensAt: try row[11],
            startsAt: try row[12],
            closesAt: try row[13],
            entries: try row[14],
            drawKey: try row[15],
            now: try row[16]
        )
    }

    /// - Throws: `OnSaleProblem.wrongState` unless the on-sale is in one of `accepted`.
    func require(_ accepted: [OnSaleState]) throws(OnSaleProblem) {
        guard accepted.contains(state) else { throw .wrongState(state, accepted: accepted) }
    }

    /// The drawn order; nil before the draw.
    func order(from orders: DrawOrders) -> DrawOrder? {
        guard let entries, let drawKey else { return nil }
        return orders.order(of: id, key: drawKey, count: Int(entries))
    }

    /// Makes open turns end later.
    ///
    /// Uses `turns_open`.
    static func extendTurns(_ id: OnSaleID, by duration: Duration) -> Query {
        Query(
            "turns.extend",
            """
            UPDATE turns SET expires_at = expires_at + make_interval(secs => \(seconds(duration)))
            WHERE on_sale_id = \(id.rawValue) AND settled_at IS NULL
            """
        )
    }

    /// Makes live sessions end later.
    ///
    /// Uses `admissions_live`.
    static func extendSessions(_ id: OnSaleID, by duration: Duration) -> Query {
        Query(
            "admissions.extend",
            """
            UPDATE admissions SET expires_at = expires_at + make_interval(secs => \(seconds(duration)))
            WHERE on_sale_id = \(id.rawValue) AND ended_at IS NULL
            """
        )
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}
