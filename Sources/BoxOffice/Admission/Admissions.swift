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
    /// The turn is over.
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
        guard let order = gate.order(from: orders) else {
            for request in requests { outcomes[request] = gate.state.isOver ? .done : .notYet }
            return
        }
        let numbers = requests.map { order.number(ofArrival: $0.arrival) }
        let answers = try await tx.pipeline([
            Self.read(onSale, requests, numbers), Self.countLive(onSale),
        ])
        var room = gate.activeLimit - (try answers[1].first.map { try $0[0] } ?? 0)
        var entering: [(request: AdmissionRequest, number: Int64)] = []
        for row in answers[0] {
            let index: Int = try row[0]
            let facts = PlaceFacts(
                onSale: gate.state,
                serving: gate.serving,
                number: numbers[index - 1],
                hasLeft: try row[1],
                turnExpiresAt: nil,
                turnIsSettled: try row[2],
                admission: try AdmissionSession(row, at: 3)
            )
            let request = requests[index - 1]
            switch facts.state {
            case .admitted: outcomes[request] = facts.admission.map { .admitted($0) }
            case .left: outcomes[request] = .left
            case .missed: outcomes[request] = .missed
            case .done: outcomes[request] = .done
            case .waiting, .prequeue: outcomes[request] = .notYet
            case .called where room <= 0: outcomes[request] = .full
            case .called:
                room -= 1
                entering.append((request, numbers[index - 1]))
            }
        }
        guard !entering.isEmpty else { return }
        let inserted = try await tx.pipeline([
            Self.insert(onSale, gate, entering.map(\.request.arrival), entering.map(\.number)),
            Self.mark(onSale, entering.map(\.request.arrival), entering.map(\.number)),
        ])
        let byArrival = Dictionary(uniqueKeysWithValues: entering.map { ($0.request.arrival, $0.request) })
        for row in inserted[0] {
            guard let request = byArrival[try row[0]], let session = try AdmissionSession(row, at: 1) else {
                continue
            }
            outcomes[request] = .admitted(session)
        }
    }

    /// Locks the places, so that nobody leaves while coming in.
    ///
    /// Uses the primary keys of `places` and `turns`, whose ranges follow each other without gaps.
    static func read(_ onSale: OnSaleID, _ requests: [AdmissionRequest], _ numbers: [Int64]) -> Query {
        Query(
            "admission.read",
            """
            SELECT k.ordinal, p.left_at IS NOT NULL,
                coalesce(t.settled_at IS NOT NULL AND t.last_number >= k.number, false), a.admission_id, a.admitted_at,
                a.expires_at, a.ended_at, a.end_reason
            FROM unnest(\(requests.map(\.arrival)), \(requests.map(\.place.bytes)), \(numbers))
                    WITH ORDINALITY AS k (arrival, id, number, ordinal)
                JOIN places p ON p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival AND p.id = k.id
                LEFT JOIN admissions a ON a.on_sale_id = \(onSale.rawValue) AND a.arrival = k.arrival
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

    /// Uses `admissions_live`.
    static func countLive(_ onSale: OnSaleID) -> Query {
        Query(
            "admission.count",
            "SELECT count(*) FROM admissions WHERE on_sale_id = \(onSale.rawValue) AND ended_at IS NULL"
        )
    }

    private static func insert(
        _ onSale: OnSaleID,
        _ gate: OnSaleGate,
        _ arrivals: [Int64],
        _ numbers: [Int64]
    ) -> Query {
        Query(
            "admission.insert",
            """
            INSERT INTO admissions (on_sale_id, arrival, number, admitted_at, expires_at)
            SELECT \(onSale.rawValue), k.arrival, k.number, \(gate.now),
                \(gate.now) + make_interval(secs => \(Double(gate.sessionSeconds)))
            FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
            RETURNING arrival, admission_id, admitted_at, expires_at, ended_at, end_reason
            """
        )
    }

    private static func mark(_ onSale: OnSaleID, _ arrivals: [Int64], _ numbers: [Int64]) -> Query {
        Query(
            "admission.mark",
            """
            UPDATE places p SET number = k.number, admitted_at = usher_now()
            FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
            WHERE p.on_sale_id = \(onSale.rawValue) AND p.arrival = k.arrival
            """
        )
    }
}
