package import Postgres

/// Someone who was called and asks to come in.
package struct AdmissionRequest: Sendable, Hashable {
    package let onSale: OnSaleID
    package let arrival: Int64
    package let place: PlaceID

    package init(onSale: OnSaleID, arrival: Int64, place: PlaceID) {
        self.onSale = onSale
        self.arrival = arrival
        self.place = place
    }
}

/// What became of a request to come in.
package enum AdmissionOutcome: Sendable, Equatable {
    /// In. Asking again gives the same session.
    case admitted(AdmissionSession)
    /// The number has not been called.
    case notYet
    /// As many are inside as may be; the turn is kept.
    case full
    /// Everything stands still; the turn is kept.
    case stopped
    /// The turn is over, and there is none after it.
    case missed
    /// The place was given up.
    case left
    /// The session is over, or the on-sale is.
    case done
    /// There is no such place.
    case unknownPlace
}

/// Lets called buyers in, a batch at a time.
package struct Admissions: Sendable {
    private let postgres: PostgresClient
    private let orders: DrawOrders

    package init(postgres: PostgresClient, orders: DrawOrders) {
        self.postgres = postgres
        self.orders = orders
    }

    /// Commits a batch.
    ///
    /// On-sales are locked one after the other in order of id, so that the limit holds whoever else admits.
    ///
    /// - Returns: One outcome for each request, in order.
    /// - Throws: `PostgresError`; with code `commitUnknown` the same requests can simply be sent again.
    package func commit(_ requests: [AdmissionRequest]) async throws -> [AdmissionOutcome] {
        try await postgres.withTransaction { tx in
            var outcomes: [AdmissionRequest: AdmissionOutcome] = [:]
            for onSale in Set(requests.map(\.onSale)).sorted() {
                let asking = Set(requests.filter { $0.onSale == onSale }).sorted { $0.arrival < $1.arrival }
                try await admit(asking, to: onSale, &outcomes, in: &tx)
            }
            return requests.map { outcomes[$0] ?? .unknownPlace }
        }
    }

    private func admit(
        _ requests: [AdmissionRequest],
        to onSale: OnSaleID,
        _ outcomes: inout [AdmissionRequest: AdmissionOutcome],
        in tx: inout Transaction
    ) async throws {
        let gate: OnSaleGate
        do { gate = try await OnSaleGate.lock(onSale, in: &tx) } catch OnSaleProblem.unknown { return }
        guard let order = try await gate.order(from: orders, in: tx) else {
            for request in requests { outcomes[request] = gate.state.isOver ? .done : .notYet }
            return
        }
        let numbers = requests.map { order.number(ofArrival: $0.arrival) }
        let answers = try await tx.pipeline([
            Self.read(onSale, requests, numbers), Self.countLive(onSale),
        ])
        let limit = gate.isFailOpen ? Int.max : gate.activeLimit
        var room = limit - (try answers[1].first.map { try $0[0] } ?? 0)
        var entering: [(request: AdmissionRequest, number: Int64, again: Bool)] = []
        var missing: [(request: AdmissionRequest, number: Int64)] = []
        for row in answers[0] {
            let index: Int = try row[0]
            let facts = PlaceFacts(
                onSale: gate.state,
                serving: gate.serving,
                number: numbers[index - 1],
                hasLeft: try row[1],
                turnExpiresAt: nil,
                turnIsSettled: try row[2],
                admission: try AdmissionSession(row, at: 3).map { try $0.limited(row, at: 10) },
                again: try row[8] ?? false ? PlaceFacts.Again(expiresAt: try row[9]) : nil
            )
            let request = requests[index - 1]
            switch facts.state {
            case .admitted: outcomes[request] = facts.admission.map { .admitted($0) }
            case .left: outcomes[request] = .left
            case .missed: missing.append((request, numbers[index - 1]))
            case .done: outcomes[request] = .done
            case .waiting, .prequeue: outcomes[request] = .notYet
            case .called where gate.isStopped: outcomes[request] = .stopped
            case .called where room <= 0: outcomes[request] = .full
            case .called:
                room -= 1
                entering.append((request, numbers[index - 1], facts.again != nil))
            }
        }
        let hopeful = try await Reoffers.ask(onSale, missing.map { ($0.request.arrival, $0.number) }, in: tx)
        for (request, _) in missing {
            outcomes[request] = hopeful.contains(request.arrival) ? .notYet : .missed
        }
        guard !entering.isEmpty else { return }
        let inserted = try await tx.pipeline([
            Self.insert(onSale, gate, entering.map(\.request.arrival), entering.map(\.number)),
            Self.mark(onSale, entering.map(\.request.arrival), entering.map(\.number)),
            Reoffers.came(onSale, entering.filter(\.again).map(\.request.arrival)),
        ])
        let byArrival = Dictionary(uniqueKeysWithValues: entering.map { ($0.request.arrival, $0.request) })
        for row in inserted[0] {
            guard let request = byArrival[try row[0]], let session = try AdmissionSession(row, at: 1) else {
                continue
            }
            outcomes[request] = .admitted(try session.limited(row, at: 6))
        }
    }

    /// Locks the places, so that nobody leaves while coming in.
    ///
    /// Uses the primary keys of `places` and `turns`, whose ranges follow each other without gaps, and
    /// `reoffers_one_open`.
    static func read(_ onSale: OnSaleID, _ requests: [AdmissionRequest], _ numbers: [Int64]) -> Query {
        Query(
            "admission.read",
            """
            SELECT k.ordinal, p.left_at IS NOT NULL,
                coalesce(t.settled_at IS NOT NULL AND t.last_number >= k.number, false), a.admission_id, a.admitted_at,
                a.expires_at, a.ended_at, a.end_reason, again.arrival IS NOT NULL, again.expires_at,
                a.max_per_buyer
            FROM unnest(\(requests.map(\.arrival)), \(requests.map(\.place.bytes)), \(numbers))
                    WITH ORDINALITY AS k (arrival, id, number, ordinal)
                JOIN places p ON p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival AND p.id = k.id
                LEFT JOIN admissions a ON a.on_sale_id = \(onSale.rawValue) AND a.arrival = k.arrival
                LEFT JOIN reoffers again ON again.on_sale_id = \(onSale.rawValue) AND again.arrival = k.arrival
                    AND again.settled_at IS NULL
                LEFT JOIN LATERAL (
                    SELECT settled_at, last_number FROM turns
                    WHERE on_sale_id = \(onSale.rawValue) AND first_number <= k.number
                    ORDER BY first_number DESC LIMIT 1
                ) t ON true
            ORDER BY k.ordinal
            FOR UPDATE OF p
            """
        )
    }

    /// How many are inside.
    ///
    /// Uses `admissions_live`.
    package static func countLive(_ onSale: OnSaleID) -> Query {
        Query(
            "admission.count",
            "SELECT count(*) FROM admissions WHERE on_sale_id = \(onSale.rawValue) AND ended_at IS NULL"
        )
    }

    /// One session a place: a turn after the first opens it again.
    private static func insert(
        _ onSale: OnSaleID,
        _ gate: OnSaleGate,
        _ arrivals: [Int64],
        _ numbers: [Int64]
    ) -> Query {
        Query(
            "admission.insert",
            """
            INSERT INTO admissions (on_sale_id, arrival, number, admitted_at, expires_at, group_ordinal, max_per_buyer)
            SELECT \(onSale.rawValue), k.arrival, k.number, \(gate.now),
                \(gate.now) + make_interval(secs => \(Double(gate.sessionSeconds))), p.group_ordinal, g.max_per_buyer
            FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
                JOIN places p ON p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival
                LEFT JOIN groups g ON g.on_sale_id = \(onSale.rawValue) AND g.ordinal = p.group_ordinal
            ON CONFLICT (on_sale_id, arrival) DO UPDATE SET admitted_at = excluded.admitted_at,
                expires_at = excluded.expires_at, ended_at = NULL, end_reason = NULL
            RETURNING arrival, admission_id, admitted_at, expires_at, ended_at, end_reason, max_per_buyer
            """
        )
    }

    private static func mark(_ onSale: OnSaleID, _ arrivals: [Int64], _ numbers: [Int64]) -> Query {
        Query(
            "admission.mark",
            """
            WITH admitted AS (
                UPDATE places p SET number = k.number, admitted_at = usher_now()
                FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
                WHERE p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival
                RETURNING p.arrival, p.number
            )
            INSERT INTO facts (on_sale_id, recorded_at, kind, data)
            SELECT \(onSale.rawValue), (SELECT usher_now()), \(LineFacts.admitted),
                jsonb_build_object('place', a.arrival, 'number', a.number)
            FROM admitted a ORDER BY a.number
            """
        )
    }
}

extension AdmissionSession {
    /// The same with the limit that a column says it has of its own.
    fileprivate func limited(_ row: Row, at column: Int) throws -> AdmissionSession {
        var session = self
        session.ownLimit = try (row[column] as Int?)
        return session
    }
}
