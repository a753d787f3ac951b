internal import Postgres

/// A batch of joins: which buyers it has, which of them are known, and the statements that settle the rest.
struct JoinBatch {
    /// The state of an on-sale's door in which places are given out.
    enum Door: String {
        case open
        /// For those who want what comes back: the waitlist gives them places.
        case soldOut = "sold_out"
    }

    private struct Buyer: Hashable {
        let onSale: OnSaleID
        let fingerprint: [UInt8]
    }

    private let requests: [JoinRequest]
    private let door: Door
    private let onSales: [OnSaleID]
    /// The first request of each buyer speaks for all of them; places arrive in this order.
    private var speakers: [(buyer: Buyer, place: PlaceID, wish: JoinGroups.Wish)] = []
    private var settled: [Buyer: JoinOutcome] = [:]
    private var doors: [OnSaleID: String] = [:]
    private var refused: [Buyer: JoinOutcome] = [:]
    /// Which groups they belong to.
    var groups = JoinGroups([])

    init(_ requests: [JoinRequest], through door: Door = .open) {
        self.requests = requests
        self.door = door
        onSales = Set(requests.map(\.onSale)).sorted()
        var seen: Set<Buyer> = []
        for request in requests where seen.insert(Self.buyer(request)).inserted {
            speakers.append((Self.buyer(request), request.place, Self.wish(request)))
        }
        groups = JoinGroups(speakers.map(\.wish))
    }

    private static func wish(_ request: JoinRequest) -> JoinGroups.Wish {
        JoinGroups.Wish(
            onSale: request.onSale,
            buyer: request.buyer,
            code: request.code,
            hasGroups: request.hasGroups,
            needsGroup: request.needsGroup
        )
    }

    private static func buyer(_ request: JoinRequest) -> Buyer {
        Buyer(onSale: request.onSale, fingerprint: request.buyer)
    }

    /// Finds out who has a place already and who may have one, and claims the codes of those who join with one.
    ///
    /// - Returns: the statements that take numbers and insert places, for the end of the transaction.
    mutating func settle(
        in tx: borrowing Transaction
    ) async throws -> [(onSale: OnSaleID, count: Int, query: Query)] {
        let lookups = lookups
        let answers = try await tx.pipeline(lookups + groups.lookups)
        for rows in answers.prefix(lookups.count) { try learn(rows) }
        if !groups.isEmpty {
            try groups.learn(answers.dropFirst(lookups.count))
            let claims = groups.claims
            let claimed = try await tx.pipeline(claims.map(\.query))
            for (claim, rows) in zip(claims, claimed) { try groups.take(rows, of: claim.onSale) }
            try await tx.pipeline(groups.upgrades)
        }
        refuseStrangers()
        return inserts
    }

    /// Who has a place already, and which doors are open.
    ///
    /// Uses `places_one_per_buyer` and the key of `arrivals`. Each buyer is looked up by itself: a plan made while the
    /// table is still empty would compare all of its places with all of the batch.
    var lookups: [Query] {
        let ids = onSales.map(\.rawValue)
        let doors = Query(
            "join.doors",
            "SELECT on_sale_id, door, NULL::bytea, NULL::bytea, 0 FROM arrivals WHERE on_sale_id = ANY (\(ids))"
        )
        return [doors]
            + onSales.map { onSale in
                let buyers = speakers.filter { $0.buyer.onSale == onSale }.map(\.buyer.fingerprint)
                return Query(
                    "join.known",
                    """
                    SELECT p.on_sale_id, p.arrival, p.buyer, p.id, p.group_ordinal
                    FROM unnest(\(buyers)) AS b (buyer) CROSS JOIN LATERAL (
                        SELECT * FROM places WHERE on_sale_id = \(onSale.rawValue) AND buyer = b.buyer OFFSET 0
                    ) AS p
                    """
                )
            }
    }

    /// Takes in the answer to one of the lookups.
    mutating func learn(_ rows: [Row]) throws {
        for row in rows {
            let onSale = OnSaleID(rawValue: try row[0])
            if let fingerprint: [UInt8] = try row[2] {
                let buyer = Buyer(onSale: onSale, fingerprint: fingerprint)
                settled[buyer] = .joined(place: try Self.place(try row[3]), arrival: try row[1], isNew: false)
                groups.know(fingerprint, of: onSale, in: try row[4])
            } else {
                doors[onSale] = try row[1]
            }
        }
    }

    /// Refuses those whose code is no good, and strangers where only members may join, before they take a number.
    ///
    /// Whoever has a place keeps it.
    mutating func refuseStrangers() {
        for speaker in speakers where settled[speaker.buyer] == nil {
            if let refusal = groups.settle(speaker.wish).refusal { refused[speaker.buyer] = refusal }
        }
    }

    /// The statements that take numbers and insert places, in order of on-sale, so that batches can't deadlock.
    var inserts: [(onSale: OnSaleID, count: Int, query: Query)] {
        onSales.filter { doors[$0] == door.rawValue }.compactMap { onSale in
            let fresh = speakers.filter {
                $0.buyer.onSale == onSale && settled[$0.buyer] == nil && refused[$0.buyer] == nil
            }
            guard !fresh.isEmpty else { return nil }
            let query = Self.insert(
                onSale,
                through: door,
                places: fresh.map(\.place.bytes),
                buyers: fresh.map(\.buyer.fingerprint),
                groups: fresh.map { groups.settle($0.wish).group }
            )
            return (onSale, fresh.count, query)
        }
    }

    /// Inserts nothing when the door is shut by now.
    private static func insert(
        _ onSale: OnSaleID,
        through door: Door,
        places: [[UInt8]],
        buyers: [[UInt8]],
        groups: [Int]
    ) -> Query {
        Query(
            "join.insert",
            """
            WITH room AS (
                UPDATE arrivals SET issued = issued + \(places.count)
                WHERE on_sale_id = \(onSale.rawValue) AND door = \(door.rawValue)
                RETURNING issued - \(places.count) AS base
            ), taken AS (
                INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at, group_ordinal)
                SELECT \(onSale.rawValue), room.base + k.ordinal, k.id, k.buyer, (SELECT usher_now()), k.group_ordinal
                FROM room, unnest(\(places), \(buyers), \(groups))
                    WITH ORDINALITY AS k (id, buyer, group_ordinal, ordinal)
                RETURNING arrival, buyer, id
            ), told AS (
                INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                SELECT \(onSale.rawValue), (SELECT usher_now()), \(LineFacts.taken),
                    jsonb_build_object('place', t.arrival)
                FROM taken t ORDER BY t.arrival
            )
            SELECT arrival, buyer, id FROM taken
            """
        )
    }

    /// Takes in what an insert returned.
    mutating func place(_ rows: [Row], in onSale: OnSaleID) throws {
        for row in rows {
            let buyer = Buyer(onSale: onSale, fingerprint: try row[1])
            settled[buyer] = .joined(place: try Self.place(try row[2]), arrival: try row[0], isNew: true)
        }
    }

    /// One outcome for each request; of two by the same buyer only the first is told that the place is new.
    var outcomes: [JoinOutcome] {
        var told: Set<Buyer> = []
        return requests.map { request in
            let buyer = Self.buyer(request)
            guard let outcome = settled[buyer] else {
                return doors[request.onSale] == door.rawValue
                    ? refused[buyer] ?? .closed : refusal(request.onSale)
            }
            if told.insert(buyer).inserted { return outcome }
            guard case .joined(let place, let arrival, _) = outcome else { return outcome }
            return .joined(place: place, arrival: arrival, isNew: false)
        }
    }

    private func refusal(_ onSale: OnSaleID) -> JoinOutcome {
        switch doors[onSale] {
        case nil: .unknownOnSale
        case "not_open": .notOpen
        case "sold_out": .soldOut
        default: .closed
        }
    }

    private static func place(_ bytes: [UInt8]) throws -> PlaceID {
        guard let place = PlaceID(bytes: bytes) else { throw DrawProblem.missingEntry(0) }
        return place
    }
}
