internal import Postgres

/// Something that a tick has for the buyer of a place.
struct PlaceNotice: Sendable, Equatable {
    /// What can be told.
    enum Kind: String, Sendable {
        /// It is called.
        case turn
        /// It will be, in some minutes.
        case nearly
        /// The turn has passed; another is possible.
        case missed
    }

    let kind: Kind
    let arrival: Int64
    /// JSON: what fills the gaps of a text.
    let payload: String
    /// Says the same of the same place only once.
    let dedupeKey: String
    /// When it stops being worth telling.
    let until: PostgresTimestamp

    private init(
        _ kind: Kind,
        _ onSale: OnSaleID,
        _ place: CalledPlace,
        _ payload: [String: PlanValue],
        until: PostgresTimestamp
    ) {
        self.kind = kind
        arrival = place.arrival
        self.payload =
            PlanValue.object(payload.merging(["number": .integer(Int(place.number))]) { $1 }).json
        self.until = until
        var parts = ["\(onSale.rawValue)", "\(place.arrival)", "\(place.number)"]
        if place.ordinal > 0 { parts.append("\(place.ordinal)") }
        dedupeKey = ([kind.rawValue] + parts).joined(separator: ":")
    }

    /// It is the place's turn.
    static func turn(_ place: CalledPlace, _ gate: OnSaleGate) -> Self {
        Self(.turn, gate.id, place, [:], until: gate.now + .seconds(gate.turnSeconds))
    }

    /// The place's turn comes in about so many seconds.
    static func nearly(_ place: CalledPlace, in seconds: Int, _ gate: OnSaleGate) -> Self {
        let minutes = PlanValue.integer(max(1, (seconds + 30) / 60))
        return Self(.nearly, gate.id, place, ["minutes": minutes], until: gate.now + .seconds(seconds))
    }

    /// The place's turn ended at an instant, and it may have another if its buyer asks in time.
    static func missed(_ place: CalledPlace, endedAt: PostgresTimestamp, _ gate: OnSaleGate) -> Self {
        let until = endedAt + .seconds(gate.reofferSeconds)
        // As the other times that people are told: to the minute.
        let text = String("\(until)".prefix(16)).replacing("T", with: " ") + " UTC"
        return Self(.missed, gate.id, place, ["until": .string(text)], until: until)
    }

    /// Writes a notification for each contact among the places.
    ///
    /// Whoever has left has no contact any more. Uses the primary key of `contacts`.
    ///
    /// - Returns: the keys by which the deliveries are started.
    static func write(
        _ notices: [PlaceNotice],
        of onSale: OnSaleID,
        in tx: borrowing Transaction
    ) async throws -> [String] {
        guard !notices.isEmpty else { return [] }
        let payloads = notices.map { JSONB(text: $0.payload) }
        let rows = try await tx.query(
            Query(
                "notifications.places",
                """
                SELECT w.key FROM (
                    SELECT array_agg(k.kind) AS kinds, array_agg(k.payload) AS payloads, array_agg(k.key) AS keys,
                        array_agg(k.until) AS ends, array_agg(c.on_sale_id) AS sales, array_agg(c.arrival) AS arrivals,
                        count(*)::integer AS n
                    FROM unnest(\(notices.map(\.kind.rawValue)), \(notices.map(\.arrival)), \(payloads),
                                \(notices.map(\.dedupeKey)), \(notices.map(\.until)))
                            AS k (kind, arrival, payload, key, until)
                        CROSS JOIN LATERAL (
                            SELECT on_sale_id, arrival FROM contacts
                            WHERE on_sale_id = \(onSale.rawValue) AND arrival = k.arrival AND unsubscribed_at IS NULL
                            OFFSET 0
                        ) AS c
                ) AS g, write_notifications(g.kinds, array_fill('place'::text, ARRAY[g.n]), g.payloads, g.keys, g.ends,
                    g.sales, g.arrivals) AS w (key)
                WHERE g.n > 0
                """
            )
        )
        return try rows.map { try $0[0] }
    }
}

/// A place in the line, and which of its turns it is about.
struct CalledPlace: Sendable, Equatable {
    let arrival: Int64
    let number: Int64
    /// Which of its turns after the first; 0 for the first.
    var ordinal = 0
}
