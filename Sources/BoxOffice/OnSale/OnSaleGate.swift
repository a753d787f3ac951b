internal import Postgres
internal import Reactor

/// An on-sale's row, locked: admissions, ticks and changes of rules take turns here.
struct OnSaleGate: Sendable {
    let id: OnSaleID
    var state: OnSaleState
    let title: String
    let pausedAt: PostgresTimestamp?
    /// Whether the pause is a stop: nobody comes in or holds either.
    let isStopped: Bool
    /// Until when only the stock bounds.
    let openUntil: PostgresTimestamp?
    var soldOutAt: PostgresTimestamp?
    let revision: Int
    let serving: Int64
    let ratePerMinute: Int
    let activeLimit: Int
    let turnSeconds: Int
    let sessionSeconds: Int
    /// How often a place gets another turn, and for how long after the last it may ask.
    let reofferLimit: Int
    let reofferSeconds: Int
    /// The last number that was looked at for telling its holder that the turn is near.
    let nearing: Int64
    let carry: Double
    let noShow: Double
    let pressure: AdmissionPressure
    /// How fast the line moved; nil before the first tick.
    let pace: LinePace?
    /// How many of those who came bought.
    let conversion: Double
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
                    usher_now(), title, stopped, open_until, sold_out_at, throttle, throttle_reason, throttled_at,
                    strained_at, pace, slow_pace, conversion, reoffer_limit, reoffer_seconds, nearing
                FROM on_sales WHERE on_sale_id = \(id.rawValue) FOR NO KEY UPDATE
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return OnSaleGate(
            id: id,
            state: try row[0],
            title: try row[17],
            pausedAt: try row[1],
            isStopped: try row[18],
            openUntil: try row[19],
            soldOutAt: try row[20],
            revision: try row[2],
            serving: try row[3],
            ratePerMinute: try row[4],
            activeLimit: try row[5],
            turnSeconds: try row[6],
            sessionSeconds: try row[7],
            reofferLimit: try row[28],
            reofferSeconds: try row[29],
            nearing: try row[30],
            carry: try row[8],
            noShow: try row[9],
            pressure: AdmissionPressure(
                factor: try row[21],
                reason: (try row[22] as String?).flatMap(AdmissionPressure.Signal.init),
                movedAt: try row[23],
                strainedAt: try row[24]
            ),
            pace: try (row[25] as Double?).map { LinePace(quick: $0, slow: try row[26]) },
            conversion: try row[27],
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
    func order(
        from orders: DrawOrders,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> DrawOrder? {
        guard let entries, let drawKey else { return nil }
        return try await orders.order(of: id, key: drawKey, count: Int(entries), in: database)
    }

    /// Whether everyone is let through for whom there may be a ticket.
    var isFailOpen: Bool { openUntil.map { now < $0 } ?? false }

    /// Makes open turns end later, second ones too.
    ///
    /// Uses `turns_open` and `reoffers_open`.
    static func extendTurns(_ id: OnSaleID, by duration: Duration) -> [Query] {
        [
            Query(
                "turns.extend",
                """
                UPDATE turns SET expires_at = expires_at + make_interval(secs => \(duration.seconds))
                WHERE on_sale_id = \(id.rawValue) AND settled_at IS NULL
                """
            ),
            Reoffers.extend(id, by: duration),
        ]
    }

    /// Makes live sessions end later.
    ///
    /// Uses `admissions_live`.
    static func extendSessions(_ id: OnSaleID, by duration: Duration) -> Query {
        Query(
            "admissions.extend",
            """
            UPDATE admissions SET expires_at = expires_at + make_interval(secs => \(duration.seconds))
            WHERE on_sale_id = \(id.rawValue) AND ended_at IS NULL
            """
        )
    }
}
