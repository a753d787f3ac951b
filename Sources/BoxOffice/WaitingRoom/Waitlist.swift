package import Postgres

/// Someone with a place who wants what comes back after everything was sold.
package struct WaitlistRequest: Sendable, Hashable {
    package let onSale: OnSaleID
    package let arrival: Int64
    package let place: PlaceID
    /// How many tickets they would take at most.
    package let quantity: Int

    package init(onSale: OnSaleID, arrival: Int64, place: PlaceID, quantity: Int) {
        self.onSale = onSale
        self.arrival = arrival
        self.place = place
        self.quantity = quantity
    }
}

/// What became of a request for a spot on the waitlist.
package enum WaitlistOutcome: Sendable, Equatable {
    /// On it; so many are before, and this one with them.
    case waiting(position: Int)
    /// Called already: the turn is now.
    case called
    /// The place has a session.
    case inside
    /// The place was given up.
    case left
    /// Only an on-sale that is sold out has a waitlist.
    case wrongState(OnSaleState)
    /// There is no such place.
    case unknownPlace
}

/// Keeps those who want what comes back, in the order of asking.
package struct Waitlist: Sendable {
    let postgres: PostgresClient
    private let orders: DrawOrders

    package init(postgres: PostgresClient, orders: DrawOrders) {
        self.postgres = postgres
        self.orders = orders
    }

    /// Commits a batch; asking twice is asking once.
    ///
    /// - Returns: One outcome for each request, in order.
    /// - Throws: `PostgresError`; with code `commitUnknown` the same requests can simply be sent again.
    package func commit(_ requests: [WaitlistRequest]) async throws -> [WaitlistOutcome] {
        let (outcomes, offering) = try await postgres.withTransaction { tx in
            var outcomes: [WaitlistRequest: WaitlistOutcome] = [:]
            var offering: [OnSaleID] = []
            for onSale in Set(requests.map(\.onSale)).sorted() {
                // Of several requests of one place the first counts.
                var asking: [Int64: WaitlistRequest] = [:]
                for request in requests where request.onSale == onSale && asking[request.arrival] == nil {
                    asking[request.arrival] = request
                }
                let sorted = asking.values.sorted { $0.arrival < $1.arrival }
                let answers = try await join(sorted, of: onSale, in: &tx)
                for request in requests where request.onSale == onSale {
                    guard asking[request.arrival]?.place == request.place else { continue }
                    outcomes[request] = answers[request.arrival]
                }
                if !answers.isEmpty, try await tx.first(Self.stock(onSale)) != nil { offering.append(onSale) }
            }
            return (requests.map { outcomes[$0] ?? .unknownPlace }, offering)
        }
        // Something had come back before anybody asked for it. Who is not answered asks again, and so does this.
        for onSale in offering { try await SleepingTick.wake(onSale, in: postgres) }
        return outcomes
    }

    private func join(
        _ requests: [WaitlistRequest],
        of onSale: OnSaleID,
        in tx: inout Transaction
    ) async throws -> [Int64: WaitlistOutcome] {
        let gate: OnSaleGate
        do { gate = try await OnSaleGate.lock(onSale, in: &tx) } catch OnSaleProblem.unknown { return [:] }
        return try await join(requests, of: gate, in: &tx)
    }

    /// Puts places on the list of an on-sale whose row is locked; what became of each, by arrival.
    func join(
        _ requests: [WaitlistRequest],
        of gate: OnSaleGate,
        in tx: inout Transaction
    ) async throws -> [Int64: WaitlistOutcome] {
        let onSale = gate.id
        guard gate.state == .soldOut, let order = try await gate.order(from: orders, in: tx) else {
            return Dictionary(uniqueKeysWithValues: requests.map { ($0.arrival, .wrongState(gate.state)) })
        }
        var outcomes: [Int64: WaitlistOutcome] = [:]
        for row in try await tx.query(Self.read(onSale, requests)) {
            let arrival: Int64 = try row[0]
            if try row[1] {
                outcomes[arrival] = .left
            } else if try row[2] {
                outcomes[arrival] = .inside
            } else {
                outcomes[arrival] = .called
            }
        }
        let asking = requests.filter { outcomes[$0.arrival] == .called }
        try await tx.execute(Self.insert(onSale, asking, asking.map { order.number(ofArrival: $0.arrival) }))
        for row in try await tx.query(Self.positions(onSale, asking.map(\.arrival))) {
            outcomes[try row[0]] = .waiting(position: try row[1])
        }
        return outcomes
    }

    /// Where a place stands once everything is sold.
    package enum Spot: Sendable, Equatable {
        /// On the waitlist: so many are before, and this one with them.
        case waiting(position: Int)
        /// It may come in, or has.
        case turn
    }

    /// All who wait for what comes back, and all who may buy or do, by arrival.
    ///
    /// Uses `reoffers_open` and `admissions_live`.
    ///
    /// - Throws: `PostgresError`.
    package static func spots(
        of onSale: OnSaleID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [Int64: Spot] {
        let rows = try await database.query(
            Query(
                "waitlist.spots",
                """
                SELECT arrival, called_at IS NULL, spot FROM reoffers
                WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL
                UNION ALL
                SELECT arrival, false, NULL FROM admissions
                WHERE on_sale_id = \(onSale.rawValue) AND ended_at IS NULL
                ORDER BY spot
                """
            )
        )
        var spots: [Int64: Spot] = [:]
        spots.reserveCapacity(rows.count)
        var position = 0
        for row in rows {
            let isWaiting: Bool = try row[1]
            if isWaiting { position += 1 }
            spots[try row[0]] = isWaiting ? .waiting(position: position) : .turn
        }
        return spots
    }

    /// Locks the places, so that nobody leaves meanwhile.
    ///
    /// Uses the primary key of `places` and `admissions_one_per_place`.
    static func read(_ onSale: OnSaleID, _ requests: [WaitlistRequest]) -> Query {
        Query(
            "waitlist.read",
            """
            SELECT k.arrival, p.left_at IS NOT NULL, a.admission_id IS NOT NULL AND a.ended_at IS NULL
            FROM unnest(\(requests.map(\.arrival)), \(requests.map(\.place.bytes))) AS k (arrival, id)
                JOIN places p ON p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival AND p.id = k.id
                LEFT JOIN admissions a ON a.on_sale_id = \(onSale.rawValue) AND a.arrival = k.arrival
            ORDER BY k.arrival
            FOR UPDATE OF p
            """
        )
    }

    /// Whether anything is there to be offered.
    ///
    /// Uses the primary key of `tiers`.
    static func stock(_ onSale: OnSaleID) -> Query {
        Query(
            "waitlist.stock",
            "SELECT true FROM tiers WHERE on_sale_id = \(onSale.rawValue) AND free > 0 LIMIT 1"
        )
    }

    /// Uses the primary key of `reoffers`.
    private static func insert(_ onSale: OnSaleID, _ requests: [WaitlistRequest], _ numbers: [Int64]) -> Query
    {
        Query(
            "waitlist.insert",
            """
            INSERT INTO reoffers (on_sale_id, arrival, ordinal, kind, number, quantity, asked_at)
            SELECT \(onSale.rawValue), k.arrival, used.count + 1, 'waitlist', k.number, k.quantity, usher_now()
            FROM unnest(\(requests.map(\.arrival)), \(requests.map(\.quantity)), \(numbers))
                    AS k (arrival, quantity, number)
                CROSS JOIN LATERAL (
                    SELECT count(*)::integer AS count FROM reoffers
                    WHERE on_sale_id = \(onSale.rawValue) AND arrival = k.arrival
                ) used
            ORDER BY k.arrival
            ON CONFLICT (on_sale_id, arrival) WHERE settled_at IS NULL DO NOTHING
            """
        )
    }

    /// Reads those who wait, once for a batch.
    ///
    /// Uses `reoffers_open`.
    private static func positions(_ onSale: OnSaleID, _ arrivals: [Int64]) -> Query {
        Query(
            "waitlist.positions",
            """
            SELECT arrival, position FROM (
                SELECT arrival, row_number() OVER (ORDER BY spot) AS position FROM reoffers
                WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL AND called_at IS NULL
            ) line WHERE arrival = ANY (\(arrivals))
            """
        )
    }
}
