internal import EventLog
internal import Jobs
internal import Postgres

extension HoldBatch {
    /// What the decisions write; the tiers, already locked, come last.
    func statements() throws -> [Query] {
        let granted = members.indices.compactMap { index -> (Member, Wish, Hold)? in
            guard case .held(let hold) = settled[index], let wish = wishes[index] else { return nil }
            return (members[index], wish, hold)
        }
        guard !granted.isEmpty else { return try answers() }
        var moves = TierMoves()
        for (_, wish, _) in granted { moves.move(wish.quantity, of: wish.key, from: .free, to: .held) }
        return try [reservations(granted)] + seats(granted) + answers() + told(granted)
            + moves.statements(locked: true)
    }

    private func told(_ granted: [(Member, Wish, Hold)]) throws -> [Query] {
        FactDraft.append(
            try granted.map { member, wish, hold in
                try ReservationFact(
                    member.reservation,
                    admission: member.request.admission.rawValue,
                    tier: wish.key.tier,
                    quantity: wish.quantity,
                    total: hold.total,
                    currency: hold.currency,
                    expiresAt: hold.expiresAt
                ).draft(.held, of: wish.key.onSale)
            }
        )
    }

    private func reservations(_ granted: [(Member, Wish, Hold)]) -> Query {
        Query(
            "hold.insert",
            """
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, held_at)
            SELECT r.id, r.on_sale_id, r.admission_id, r.tier, r.quantity, r.seats::integer[], r.total, r.currency,
                'held', r.expires_at, r.expires_at, \(facts.now)
            FROM unnest(
                \(granted.map(\.0.reservation)), \(granted.map(\.1.key.onSale)),
                \(granted.map(\.0.request.admission.rawValue)), \(granted.map(\.1.key.tier)),
                \(granted.map(\.1.quantity)), \(granted.map { SeatArray.text($0.1.seats.map(\.seat)) }),
                \(granted.map(\.2.total)), \(granted.map(\.2.currency)), \(granted.map(\.2.expiresAt))
            ) AS r (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, expires_at)
            """
        )
    }

    private func seats(_ granted: [(Member, Wish, Hold)]) -> [Query] {
        var changes = SeatChanges()
        for (member, wish, _) in granted {
            changes.add(wish.seats.map(\.seat), onSale: wish.key.onSale, to: .held, owner: member.reservation)
        }
        return changes.statements()
    }

    /// What is kept of the outcomes under the requests' keys; refusals, too.
    private func answers() throws -> [Query] {
        let kept = keyed.compactMap { index -> (AdmissionID, IdempotencyKey, HoldOutcome)? in
            let request = members[index].request
            guard let outcome = settled[index], outcome.isKept, let key = request.idempotency else {
                return nil
            }
            return (request.admission, key, outcome)
        }
        guard !kept.isEmpty else { return [] }
        let responses = try kept.map { try JSONCoding.encode($0.2) }
        return [
            Query(
                "hold.remember",
                """
                INSERT INTO idempotency_keys (admission_id, route, key, body_hash, response, created_at)
                SELECT k.admission_id, \(Self.route), k.key, k.body_hash, k.response, \(facts.now)
                FROM unnest(\(kept.map(\.0.rawValue)), \(kept.map(\.1.key)), \(kept.map(\.1.bodyHash)),
                            \(responses))
                    AS k (admission_id, key, body_hash, response)
                """
            )
        ]
    }
}
