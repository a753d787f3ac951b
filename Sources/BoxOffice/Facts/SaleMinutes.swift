package import EventLog
package import Postgres

/// What happened in each minute of an on-sale, counted from the event log.
///
/// Counts move with the consumer's position in one transaction, so that each fact is in them once; told everything anew, they
/// come to the same.
package struct SaleMinutes: FactConsumer {
    /// One minute of an on-sale.
    package struct Minute: Sendable, Equatable {
        /// Its beginning.
        package let at: PostgresTimestamp
        /// By ``SaleMinutes/columns``.
        package let counts: [Int64]
    }

    /// What is counted.
    package static let columns = [
        "joined", "gone", "called", "admitted", "missed", "holds", "held", "expired", "released", "sold",
        "refunded",
        "revenue", "messages",
    ]

    /// How many minutes are read at most: two days.
    package static let limit = 2_880

    package let name = "analytics"
    package let tables = ["sale_minutes"]
    package let kinds: Set<String>? = [
        LineFacts.taken, LineFacts.Left.kind, LineFacts.Called.kind, LineFacts.CalledAgain.kind,
        LineFacts.admitted, LineFacts.missed, ReservationFact.Kind.held.rawValue,
        ReservationFact.Kind.expired.rawValue, ReservationFact.Kind.released.rawValue,
        ReservationFact.Kind.sold.rawValue, ReservationFact.Kind.refunded.rawValue, NotificationFacts.sent,
    ]

    package init() {}

    package func apply(_ facts: [Fact], in transaction: inout Transaction) async throws {
        try await transaction.execute(Self.count(facts))
    }

    package func reset(in transaction: inout Transaction) async throws {
        try await transaction.execute(Query("minutes.forget", "DELETE FROM sale_minutes"))
    }

    /// Counts what it is given, and reads no fact again.
    static func count(_ facts: [Fact]) -> Query {
        Query(
            "minutes.count",
            """
            INSERT INTO sale_minutes AS m (on_sale_id, minute, joined, gone, called, admitted, missed, holds, held,
                expired, released, sold, refunded, revenue, messages)
            SELECT f.on_sale_id, date_trunc('minute', f.recorded_at, 'UTC') AS minute,
                count(*) FILTER (WHERE f.kind = 'place.taken'),
                count(*) FILTER (WHERE f.kind = 'place.left'),
                coalesce(sum((f.data->>'called')::bigint), 0) + coalesce(sum(jsonb_array_length(f.data->'places')), 0),
                count(*) FILTER (WHERE f.kind = 'place.admitted'),
                coalesce(sum((f.data->>'missed')::bigint), 0),
                count(*) FILTER (WHERE f.kind = 'reservation.held'),
                coalesce(sum(q.tickets) FILTER (WHERE f.kind = 'reservation.held'), 0),
                coalesce(sum(q.tickets) FILTER (WHERE f.kind = 'reservation.expired'), 0),
                coalesce(sum(q.tickets) FILTER (WHERE f.kind = 'reservation.released'), 0),
                coalesce(sum(q.tickets) FILTER (WHERE f.kind = 'reservation.sold'), 0),
                coalesce(sum(q.tickets) FILTER (WHERE f.kind = 'reservation.refunded'), 0),
                coalesce(sum(CASE f.kind WHEN 'reservation.sold' THEN (f.data->>'total')::bigint
                    WHEN 'reservation.refunded' THEN -(f.data->>'total')::bigint END), 0),
                count(*) FILTER (WHERE f.kind = 'notification.sent')
            FROM unnest(
                    \(facts.map(\.onSale)), \(facts.map(\.recordedAt)), \(facts.map(\.kind)), \(facts.map(\.data))
                ) AS f (on_sale_id, recorded_at, kind, data)
                CROSS JOIN LATERAL (SELECT (f.data->>'quantity')::bigint) AS q (tickets)
            GROUP BY f.on_sale_id, minute ORDER BY f.on_sale_id, minute
            ON CONFLICT (on_sale_id, minute) DO UPDATE SET joined = m.joined + excluded.joined,
                gone = m.gone + excluded.gone, called = m.called + excluded.called,
                admitted = m.admitted + excluded.admitted, missed = m.missed + excluded.missed,
                holds = m.holds + excluded.holds, held = m.held + excluded.held, expired = m.expired + excluded.expired,
                released = m.released + excluded.released, sold = m.sold + excluded.sold,
                refunded = m.refunded + excluded.refunded, revenue = m.revenue + excluded.revenue,
                messages = m.messages + excluded.messages
            """
        )
    }

    /// The latest minutes of an on-sale in which anything happened, the oldest first.
    ///
    /// Uses the primary key.
    package static func read(_ id: OnSaleID, from postgres: PostgresClient) async throws -> [Minute] {
        try await postgres.query(read(id)).reversed().map { row in
            Minute(at: try row[0], counts: try columns.indices.map { try row[$0 + 1] })
        }
    }

    static func read(_ id: OnSaleID) -> Query {
        Query(
            "minutes.read",
            """
            SELECT minute, joined, gone, called, admitted, missed, holds, held, expired, released, sold, refunded, revenue,
                messages
            FROM sale_minutes WHERE on_sale_id = \(id.rawValue) ORDER BY minute DESC LIMIT \(limit)
            """
        )
    }
}
