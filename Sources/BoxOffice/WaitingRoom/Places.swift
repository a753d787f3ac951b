package import Postgres

/// Looks at places and lets them go.
package struct Places: Sendable {
    private let postgres: PostgresClient
    private let orders: DrawOrders

    package init(postgres: PostgresClient, orders: DrawOrders) {
        self.postgres = postgres
        self.orders = orders
    }

    /// A place as it is now; nil when there is none, or another, under that arrival.
    package func view(_ onSale: OnSaleID, arrival: Int64, place: PlaceID) async throws -> PlaceView? {
        try await Self.facts(onSale, arrival: arrival, place: place, orders: orders, in: postgres)?.view
    }

    /// Gives a place up for good.
    ///
    /// Leaving twice is leaving once.
    ///
    /// - Returns: False when there is no such place.
    package func leave(_ onSale: OnSaleID, arrival: Int64, place: PlaceID) async throws -> Bool {
        try await postgres.withTransaction { tx in
            let locked = try await tx.first(
                Query(
                    "place.lock",
                    """
                    SELECT p.left_at IS NOT NULL, o.entries, o.draw_key
                    FROM places p JOIN on_sales o USING (on_sale_id)
                    WHERE p.on_sale_id = \(onSale.rawValue) AND p.arrival = \(arrival) AND p.id = \(place.bytes)
                    FOR UPDATE OF p
                    """
                )
            )
            guard let locked else { return false }
            if try locked[0] { return true }
            let number = try await Self.number(
                of: arrival,
                onSale,
                entries: try locked[1],
                key: try locked[2],
                orders: orders,
                in: tx
            )
            let fact = try LineFacts.Left(place: arrival).append(to: onSale)
            try await tx.pipeline(
                [
                    Query(
                        "place.leave",
                        """
                        UPDATE places SET left_at = usher_now(), number = coalesce(number, \(number))
                        WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival)
                        """
                    ),
                    Query(
                        "contacts.forget",
                        "DELETE FROM contacts WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival)"
                    ),
                    Query(
                        "admission.leave",
                        """
                        UPDATE admissions SET ended_at = usher_now(), end_reason = 'left'
                        WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival) AND ended_at IS NULL
                        """
                    ),
                    Query(
                        "reoffers.leave",
                        """
                        UPDATE reoffers SET settled_at = usher_now(), came = false
                        WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival) AND settled_at IS NULL
                        """
                    ),
                ] + fact
            )
            return true
        }
    }

    /// The number of an arrival, once there was a draw.
    static func number(
        of arrival: Int64,
        _ onSale: OnSaleID,
        entries: Int64?,
        key: [UInt8]?,
        orders: DrawOrders,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Int64? {
        guard let entries, let key else { return nil }
        return try await orders.order(of: onSale, key: key, count: Int(entries), in: database)
            .number(ofArrival: arrival)
    }

    /// Two reads: the place with its session, and the turn that covers its number.
    ///
    /// Both by primary key.
    private static func facts(
        _ onSale: OnSaleID,
        arrival: Int64,
        place: PlaceID,
        orders: DrawOrders,
        in postgres: PostgresClient
    ) async throws -> PlaceFacts? {
        let row = try await postgres.first(read(onSale, arrival: arrival, place: place))
        guard let row else { return nil }
        let number = try await number(
            of: arrival,
            onSale,
            entries: try row[2],
            key: try row[3],
            orders: orders,
            in: postgres
        )
        var facts = PlaceFacts(
            onSale: try row[0],
            serving: try row[1],
            number: number,
            hasLeft: try row[4],
            turnExpiresAt: nil,
            turnIsSettled: false,
            admission: try AdmissionSession(row, at: 5)
        )
        if try row[10] ?? false { facts.again = PlaceFacts.Again(expiresAt: try row[11]) }
        guard let number, number <= facts.serving, facts.admission == nil, facts.again == nil else {
            return facts
        }
        let turn = try await postgres.first(Self.turn(onSale, number: number))
        if let turn {
            facts.turnExpiresAt = try turn[0]
            facts.turnIsSettled = try turn[1]
        }
        return facts
    }

    /// Uses the primary key of `places`, `admissions_one_per_place` and `reoffers_one_open`.
    static func read(_ onSale: OnSaleID, arrival: Int64, place: PlaceID) -> Query {
        Query(
            "place.read",
            """
            SELECT o.state, o.serving, o.entries, o.draw_key, p.left_at IS NOT NULL, a.admission_id,
                a.admitted_at, a.expires_at, a.ended_at, a.end_reason, r.arrival IS NOT NULL, r.expires_at
            FROM places p JOIN on_sales o USING (on_sale_id)
                LEFT JOIN admissions a ON a.on_sale_id = p.on_sale_id AND a.arrival = p.arrival
                LEFT JOIN reoffers r ON r.on_sale_id = p.on_sale_id AND r.arrival = p.arrival AND r.settled_at IS NULL
            WHERE p.on_sale_id = \(onSale.rawValue) AND p.arrival = \(arrival) AND p.id = \(place.bytes)
            """
        )
    }

    /// Uses the primary key of `turns`, whose ranges follow each other without gaps.
    static func turn(_ onSale: OnSaleID, number: Int64) -> Query {
        Query(
            "place.turn",
            """
            SELECT expires_at, settled_at IS NOT NULL FROM turns
            WHERE on_sale_id = \(onSale.rawValue) AND first_number <= \(number)
            ORDER BY first_number DESC LIMIT 1
            """
        )
    }
}

extension AdmissionSession {
    /// Reads id, admitted_at, expires_at, ended_at and end_reason from five columns; nil when there is no session.
    init?(_ row: Row, at column: Int) throws {
        guard let id: Int64 = try row[column] else { return nil }
        self.init(
            id: AdmissionID(rawValue: id),
            admittedAt: try row[column + 1],
            expiresAt: try row[column + 2],
            endedAt: try row[column + 3],
            endReason: try row[column + 4]
        )
    }
}
